"""From the integer dialect to TIR: one loop nest per operator around its kernel."""
