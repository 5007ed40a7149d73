"""The model of cycles, held against what others measured on silicon."""
