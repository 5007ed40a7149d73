"""Fit of the planner's instruction estimate; see :mod:`benchmarks.fit_estimate.__main__`."""
