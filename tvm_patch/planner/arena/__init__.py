"""Placing buffers in one arena."""
