"""Searches beside scaled networks: what co-design gives, measured by training."""
