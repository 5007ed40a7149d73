"""Which row of an input a window begins at, as TIR."""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T  # noqa: N812 - TVM's own name for it

from tvm_patch.planner.row_window import RowWindow
from tvm_patch.tvm_types import Expr


def begin_of(window: RowWindow, row: Expr) -> Expr:
    """Return the input row that an output row's window begins at, were there no padding before it.

    Parameters
    ----------
    window : RowWindow
    row : Expr
        Of the output, never negative.
    """
    if window.divisor == 1:
        return row * window.stride
    return T.truncdiv(row * window.stride + window.phase, T.int32(window.divisor))
