"""Inner loops as whole functions of Thumb-2 code, each with a portable C body beside it.

gcc finds no allocation for loops that use all fourteen registers; these functions are printed register by register for
one layer's numbers.  A kernel calls them like any other helper, by name; their text travels with the PrimFunc that
calls them (:func:`tvm_patch.kernels.c.arm.function.with_functions`).
"""
