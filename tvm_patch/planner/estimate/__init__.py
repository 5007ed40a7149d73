"""How many instructions a plan takes."""
