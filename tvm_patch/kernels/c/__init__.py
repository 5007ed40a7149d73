"""Kernels that only the C back end prints: packed words, helpers of ``tvm_patch_dsp.h``, inner loops in assembly.

One file an operator or family, named as the portable one beside this package whose class it derives from.
"""
