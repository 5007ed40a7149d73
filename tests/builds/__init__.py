"""What compilers, levels, linkers and interrupts must not change: the bits."""
