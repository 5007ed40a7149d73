"""Segments laid out: what their code does and what it needs, by kind of segment."""
