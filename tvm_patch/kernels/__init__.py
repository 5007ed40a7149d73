"""Kernel generators: one file per operator or family, each registered by the operator kinds it compiles."""

from tvm_patch.kernels.base import Kernel, RowKernel, RowReduction, TensorKernel
from tvm_patch.kernels.registry import kernel_for, reduction_for, register, register_reduction
from tvm_patch.planner.row_window import RowWindow

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
