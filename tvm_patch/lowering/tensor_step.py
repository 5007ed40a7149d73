"""An operator that runs on whole tensors: its kernel is its function."""

from __future__ import annotations

import tvm

from tvm_patch.kernels import TensorKernel
from tvm_patch.lowering.segment_parts import SegmentCode
from tvm_patch.lowering.step_function import StepFunction, tensor_pointers


def lower_tensor_step(kernel: TensorKernel, name: str) -> SegmentCode:
    """Return the code of a whole-tensor operator.

    Parameters
    ----------
    kernel : TensorKernel
        The operator's kernel.
    name : str
        Prefix of the function's name.
    """
    entry = tvm.ir.GlobalVar(f"{name}_tensor")
    function = StepFunction(kernel.function(), "tensor", None, tensor_pointers(kernel))
    return SegmentCode(entry, {entry: function})
