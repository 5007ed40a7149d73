"""An operator that runs on whole tensors: its kernel is its function."""

from __future__ import annotations

from collections.abc import Sequence

import tvm

from tvm_patch.kernels import TensorKernel
from tvm_patch.lowering.segment_parts import Parameter, SegmentCode, SegmentPart
from tvm_patch.lowering.step_function import StepFunction, tensor_pointers
from tvm_patch.planner.layout.whole import WholeLayout
from tvm_patch.targets import Target


def lower_whole(
    layout: WholeLayout,
    parts: Sequence[SegmentPart],
    target: Target,
    name: str,
) -> SegmentCode:
    """Generate the TIR; parameters as for :func:`tvm_patch.lowering.printers.lower_segment`."""
    (part,) = parts
    kernel = part.kernel
    assert isinstance(kernel, TensorKernel)
    entry = tvm.ir.GlobalVar(f"{name}_tensor")
    # Unlike a segment's printed entry, a kernel has a parameter for every use of an input.
    parameters = [Parameter(f"in{i}", "in", t) for i, t in enumerate(part.inputs)]
    parameters += [Parameter(n, "constant", array=a) for n, a in kernel.constants.items()]
    if layout.scratch_bytes:
        parameters.append(Parameter("scratch", "scratch"))
    parameters += [Parameter(f"out{i}", "out", t) for i, t in enumerate(layout.stored)]
    function = StepFunction(kernel.function(), "tensor", None, tensor_pointers(kernel))
    return SegmentCode(entry, {entry: function}, tuple(parameters))
