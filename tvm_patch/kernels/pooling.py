"""What the two pooling operators share: their geometry and the walk over one output row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from tvm_patch.graph import Operator
from tvm_patch.kernels.named import array, bind, loop
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr

_UNROLLED_TAPS = 16
"""Windows up to this many taps become one expression; larger ones loop over their columns."""


@dataclass(frozen=True)
class PoolGeometry:
    """Window, strides and padding of a pool, and the tensors' extents."""

    size: tuple[int, int]
    strides: tuple[int, int]
    padding: tuple[int, int, int, int]
    in_hw: tuple[int, int]
    out_hw: tuple[int, int]
    channels: int

    @classmethod
    def of(cls, op: Operator) -> PoolGeometry:
        """Read the geometry of a pooling operator."""
        window, data, out = op.window, op.inputs[0].shape, op.outputs[0].shape
        assert window is not None, "a pool has one"
        return cls(
            window.kernel, window.stride, window.padding, (data[1], data[2]), (out[1], out[2]), data[3]
        )

    @property
    def taps(self) -> int:
        """Elements in a whole window."""
        return self.size[0] * self.size[1]

    @property
    def reads_outside(self) -> bool:
        """Whether some window reaches beyond the tensor."""
        return any(
            before > 0 or (out - 1) * stride - before + size > extent
            for before, out, stride, size, extent in zip(
                self.padding[:2], self.out_hw, self.strides, self.size, self.in_hw, strict=True
            )
        )

    @property
    def covers_input(self) -> bool:
        """Whether there is one window: the whole tensor and nothing else."""
        return self.size == self.in_hw and self.out_hw == (1, 1) and not any(self.padding)

    @property
    def columns_after(self) -> int:
        """Columns to the right of the tensor that the last window reads."""
        reach = (self.out_hw[1] - 1) * self.strides[1] - self.padding[1] + self.size[1]
        return max(0, reach - self.in_hw[1])


def reduce_window(
    rows: Sequence[Buffer],
    start: Expr,
    columns: int,
    channels: int,
    *,
    first: int,
    combine: Callable[[Any, Any], Any],
) -> Expr:
    """Return the int32 reduction of one channel over `columns` columns of `rows`.

    Parameters
    ----------
    rows : sequence of Buffer
        One flat buffer per window row.
    start : Expr
        Index of the first column's element in each row.
    columns, channels : int
        Window width and the distance of neighbouring columns.
    first : int
        Neutral element of `combine`.
    combine : callable
        Sum or maximum of two int32 expressions.
    """
    if len(rows) * columns <= _UNROLLED_TAPS:
        taps = [
            bind("tap", T.cast(row[start + i * channels], "int32")) for row in rows for i in range(columns)
        ]
        return reduce(combine, taps)
    total = array("total", 1)
    T.buffer_store(total, first, [0])
    with loop("i", 0, columns) as i:
        taps = [bind("tap", T.cast(row[start + i * channels], "int32")) for row in rows]
        # Bound first: TVM's C printer names the operands of T.max once a block and would reuse a stale value.
        before = bind("before", total[0])
        T.buffer_store(total, reduce(combine, taps, before), [0])
    return bind("sum", total[0])
