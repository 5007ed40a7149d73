"""What element-wise kernels share: operands that broadcast, constant operands, row and tensor shape.

An operator gives :meth:`Elementwise.element`; :class:`ElementwiseTensor` wraps it in loops over whole
tensors, :class:`ElementwiseRow` in the loop over one output row.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tvm_patch.graph import Operator
from tvm_patch.kernels.base import Kernel, RowKernel, TensorKernel
from tvm_patch.kernels.ir import row_body
from tvm_patch.kernels.loops import broadcast_strides, element_strides, kernel_body, nest, parameters_of
from tvm_patch.kernels.named import bind
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr, PrimFunc


@dataclass(frozen=True)
class Operand:
    """One operand: an activation (`index` into the operator's inputs) or a constant.

    Attributes
    ----------
    name : str
        The dialect's argument name.
    shape : tuple of int
        Before broadcasting.
    dtype : str
        Element type.
    index : int or None
        Which activation it is; None for a constant.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    index: int | None


def operands_of(op: Operator, names: Sequence[str]) -> list[Operand]:
    """Return the operands `names` of `op` in order, each found among the constants or the activations."""
    out, index = [], 0
    for name in names:
        if name in op.constants:
            array = op.constants[name]
            out.append(Operand(name, tuple(array.shape), str(array.dtype), None))
        else:
            view = op.inputs[index]
            out.append(Operand(name, view.shape, view.dtype, index))
            index += 1
    return out


class Elementwise(Kernel):
    """Base of element-wise kernels."""

    operand_names: ClassVar[tuple[str, ...]] = ("data",)
    """Arguments that are walked element by element, in order."""

    @property
    def operands(self) -> list[Operand]:
        """The operands in argument order."""
        return operands_of(self.op, self.operand_names)

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """Constant operands, then :attr:`tables`."""
        held = {o.name: self.op.constants[o.name] for o in self.operands if o.index is None}
        return {**held, **self.tables}

    @property
    def tables(self) -> dict[str, np.ndarray]:
        """Constants that are not operands."""
        return {}

    @abstractmethod
    def element(self, values: Sequence[Expr], tables: Mapping[str, Buffer]) -> Expr:
        """Return one output element, of the output's dtype, from one element of each operand."""

    def block(
        self,
        out: Buffer,
        *,
        sources: Sequence[Buffer],
        extents: Sequence[Any],
        strides: Sequence[tuple[int, ...]],
        tables: Mapping[str, Buffer],
    ) -> None:
        """Emit the loops that fill `out`, a dense tensor of `extents`, from operands read with `strides`.

        The first extent may be an expression.
        """
        with nest(extents, (element_strides(extents), *strides)) as (to, *at):
            values = [bind("value", buffer[index]) for buffer, index in zip(sources, at, strict=True)]
            T.buffer_store(out, self.element(values, tables), [to])


class ElementwiseTensor(Elementwise, TensorKernel):
    """Element-wise over whole tensors of any rank, with numpy broadcasting."""

    def function(self) -> PrimFunc:
        """Return the function over whole tensors; see :class:`TensorKernel`."""
        out_shape = self.op.outputs[0].shape
        with kernel_body(parameters_of(self)) as (builder, buffers):
            sources = [buffers[o.name if o.index is None else f"in{o.index}"] for o in self.operands]
            strides = [broadcast_strides(o.shape, out_shape) for o in self.operands]
            tables = {name: buffers[name] for name in self.tables}
            self.block(buffers["out0"], sources=sources, extents=out_shape, strides=strides, tables=tables)
        return builder.get()

    @property
    def in_place(self) -> tuple[int | None, ...]:
        """0 for every input of the output's size: elements are read before they are written."""
        size = self.op.outputs[0]
        return tuple(0 if (t.size, t.nbytes) == (size.size, size.nbytes) else None for t in self.op.inputs)


class ElementwiseRow(Elementwise, RowKernel):
    """Element-wise over one row.

    An operand of height 1 is read from its only row for every output row (window of stride 0); constants must
    be of height 1.
    """

    elementwise: ClassVar[bool] = True

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take rank 4 with batch 1 whose constant operands are the same for all rows."""
        out = op.outputs[0].shape
        if len(out) != 4 or out[0] != 1:
            return False
        for operand in operands_of(op, cls.operand_names):
            if operand.index is not None and len(operand.shape) != 4:
                return False
            if operand.index is None and _as_rank4(operand.shape)[1] != 1:
                return False
        return True

    @property
    def windows(self) -> tuple[RowWindow, ...]:
        """One row and column each; strides 0 where the operand has one row or column for all."""
        _, height, width, _ = self.op.outputs[0].shape
        return tuple(
            RowWindow(
                stride=0 if height > 1 and t.shape[1] == 1 else 1,
                column_stride=0 if width > 1 and t.shape[2] == 1 else 1,
            )
            for t in self.op.inputs
        )

    @property
    def bandable(self) -> bool:
        """Not with a constant operand of a value per column: constants are not moved to a band's columns."""
        return all(_as_rank4(o.shape)[2] == 1 for o in self.operands if o.index is None)

    @property
    def flat(self) -> bool:
        """Where no activation is broadcast, and constants are the same for all pixels."""
        held = (_as_rank4(o.shape) for o in self.operands if o.index is None)
        return all(v.shape == self.op.outputs[0].shape for v in self.op.inputs) and all(
            shape[1] == shape[2] == 1 for shape in held
        )

    def row_function(self, dynamic: bool = False) -> PrimFunc:
        """Return the function of one row; see :class:`RowKernel`."""
        shape = self.op.outputs[0].shape[2:]
        with row_body(self, dynamic) as (builder, buffers, columns):
            extents = shape if columns is None else (columns, shape[1])
            sources = [buffers[o.name if o.index is None else f"in{o.index}_row0"] for o in self.operands]
            strides = [broadcast_strides(_as_rank4(o.shape)[2:], shape) for o in self.operands]
            tables = {name: buffers[name] for name in self.tables}
            self.block(buffers["out"], sources=sources, extents=extents, strides=strides, tables=tables)
        return builder.get()


def _as_rank4(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (1,) * (4 - len(shape)) + tuple(shape)
