"""Which segments: the plans that are looked for."""
