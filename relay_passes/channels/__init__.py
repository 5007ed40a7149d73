"""Channels of tensors, the indices along their last axis: what they hold, who needs them, cutting them out."""
