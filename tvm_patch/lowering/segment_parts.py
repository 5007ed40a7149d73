"""What goes into the lowering of a segment, and what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tvm_patch.kernels import Kernel, RowKernel
from tvm_patch.lowering.step_function import StepFunction

Role = Literal["in", "fetched", "constant", "scratch", "state", "out"]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a segment's entry function.

    Attributes
    ----------
    name : str
        As in the printed function.
    role : str
        ``in``, ``fetched`` and ``out`` name a tensor, ``constant`` an array; ``scratch`` is the segment's, ``state``
        the accumulators of a reduction in it.
    tensor : str
        The tensor, for ``in``, ``fetched`` and ``out``.
    array : ndarray or None
        The values, for ``constant``.
    part : int
        Position in the segment of the operator whose constant it is.
    """

    name: str
    role: Role
    tensor: str = ""
    array: np.ndarray | None = None
    part: int = 0


@dataclass(frozen=True)
class SegmentCode:
    """TIR of a segment.

    Attributes
    ----------
    entry : tvm.ir.GlobalVar
        The function to call.
    functions : dict of GlobalVar to StepFunction
        The entry and all that it calls, callees first.
    parameters : tuple of Parameter
        Of the entry, in order.
    """

    entry: Any
    functions: dict[Any, StepFunction]
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True)
class SegmentPart:
    """One operator of a segment with what its code needs.

    Attributes
    ----------
    kernel : RowKernel, RowReduction or TensorKernel
        Its kernel at full width.
    inputs : tuple of str
        Tensors that it reads, in order.
    output : str
        Tensor that it makes.
    blocks : tuple of RowKernel
        Where it runs block by block of channels, its kernels for those.
    """

    kernel: Kernel
    inputs: tuple[str, ...]
    output: str
    blocks: tuple[RowKernel, ...] = ()


def constant_names(parts: Sequence[SegmentPart]) -> list[tuple[int, str, str]]:
    """Return (part, constant, parameter name) for every constant of a segment, in parameter order."""
    alone = len(parts) == 1
    return [
        (i, name, name if alone else f"op{i}_{name}")
        for i, part in enumerate(parts)
        for name in part.kernel.constants
    ]
