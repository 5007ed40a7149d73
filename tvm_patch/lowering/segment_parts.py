"""What goes into the lowering of a segment, and what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tvm_patch.kernels import Kernel
from tvm_patch.lowering.step_function import StepFunction
from tvm_patch.tvm_types import GlobalVar


@dataclass(frozen=True)
class SegmentCode:
    """TIR of a segment.

    Attributes
    ----------
    entry : tvm.ir.GlobalVar
        The function to call.
    functions : dict of GlobalVar to StepFunction
        The entry and all that it calls, callees first.
    """

    entry: GlobalVar
    functions: dict[GlobalVar, StepFunction]


@dataclass(frozen=True)
class SegmentPart:
    """One operator of a segment with what its code needs.

    Attributes
    ----------
    kernel : RowKernel or RowReduction
        Its kernel at full width.
    inputs : tuple of str
        Tensors that it reads, in order.
    output : str
        Tensor that it makes.
    """

    kernel: Kernel
    inputs: tuple[str, ...]
    output: str


def constant_names(parts: Sequence[SegmentPart]) -> list[tuple[int, str, str]]:
    """Return (part, constant, parameter name) for every constant of a segment, in parameter order."""
    alone = len(parts) == 1
    return [
        (i, name, name if alone else f"op{i}_{name}")
        for i, part in enumerate(parts)
        for name in part.kernel.constants
    ]
