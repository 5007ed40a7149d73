"""Redistribution of receptive fields and work (MCUNetV2, section 3.2): what to edit, and what it gains."""
