"""Kernel generators: one file per operator or family, each registered by the operator kinds it compiles."""

from tvm_patch.kernels.base import Kernel, RowKernel, RowReduction, RowWindow, TensorKernel
from tvm_patch.kernels.registry import kernel_for, reduction_for, register, register_reduction

__all__ = [
    "Kernel",
    "RowKernel",
    "RowReduction",
    "RowWindow",
    "TensorKernel",
    "kernel_for",
    "reduction_for",
    "register",
    "register_reduction",
]
