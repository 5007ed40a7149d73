"""The functions of a step, and what is known of them beside their code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tvm_patch.kernels import RowKernel, TensorKernel
from tvm_patch.kernels.base import RowReduction
from tvm_patch.tvm_types import PrimFunc

Access = Literal["read", "write", "rows", "function"]
"""What a pointer parameter is for: elements that are only read, elements that are written, a ``struct tvmp_rows``, or
the address of the step's function that has the parameter's name, for TIR has no pointers to functions."""

FunctionRole = Literal["segment", "band", "patch", "composite", "tensor", "row", "start", "finish"]
"""The whole segment, one band, patch or composite of it, or a kernel: of a whole tensor, of a row, before the first
row, after the last."""


@dataclass(frozen=True)
class StepFunction:
    """A function of a step.

    Attributes
    ----------
    code : tvm.tirx.PrimFunc
        TIR; scalar parameters come after all pointers.
    role : str
        What it makes.
    part : int or None
        Position in the segment of the operator that it is the kernel of; None for what runs several.
    pointers : tuple of str
        What each of its pointers is for, in order.
    form : int
        Tells apart functions of one role and part.
    """

    code: PrimFunc
    role: FunctionRole
    part: int | None
    pointers: tuple[Access, ...]
    form: int = 0

    @property
    def label(self) -> str:
        """Role, part and form, for names."""
        name = self.role if self.part is None else f"{self.role}{self.part}"
        return f"{name}_{self.form}" if self.form else name


def tensor_pointers(kernel: TensorKernel) -> tuple[Access, ...]:
    """Return what the pointers of :meth:`TensorKernel.function` are for."""
    read, written = len(kernel.op.inputs) + len(kernel.constants), len(kernel.op.outputs)
    return _pointers(read, written + (kernel.scratch_bytes > 0))


def row_pointers(kernel: RowKernel | RowReduction) -> tuple[Access, ...]:
    """Return what the pointers of a ``row_function`` are for."""
    if isinstance(kernel, RowReduction):
        return _pointers(1 + len(kernel.row_constants), 1)
    read = sum(window.size for window in kernel.windows) + len(kernel.constants)
    return _pointers(read, 1 + (kernel.scratch_bytes > 0))


START_POINTERS: tuple[Access, ...] = ("write",)
"""What the pointer of :meth:`RowReduction.start_function` is for."""


def finish_pointers(kernel: RowReduction) -> tuple[Access, ...]:
    """Return what the pointers of :meth:`RowReduction.finish_function` are for."""
    return ("write", *_pointers(len(kernel.constants) - len(kernel.row_constants), 1))


def _pointers(read: int, written: int) -> tuple[Access, ...]:
    reads: list[Access] = ["read"] * read
    writes: list[Access] = ["write"] * written
    return (*reads, *writes)
