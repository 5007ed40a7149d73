"""Reference architectures with random weights and calibrated quantization, for tests and benchmarks.

Weights are random, so the networks classify nothing; shapes, operators, memory and time are the real ones'.
"""
