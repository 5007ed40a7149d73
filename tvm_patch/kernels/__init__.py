"""Kernel generators: one file per operator or family, each registered by the operator kinds it compiles."""

from tvm_patch.kernels.base import Form, Kernel, OpView, RowKernel, RowWindow, TensorKernel, TensorView
from tvm_patch.kernels.registry import kernel_for, register

__all__ = [
    "Form",
    "Kernel",
    "OpView",
    "RowKernel",
    "RowWindow",
    "TensorKernel",
    "TensorView",
    "kernel_for",
    "register",
]
