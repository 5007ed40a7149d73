"""Small pieces of TIR that the convolution kernels share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tvm_patch.kernels.base import RowKernel
from tvm_patch.kernels.loops import kernel_body
from tvm_patch.kernels.named import bind, loop
from tvm_patch.tir import T, tirx
from tvm_patch.tvm_types import Buffer, Expr


def call(dtype: str, function: str, *arguments: Any) -> Expr:
    """Return a call of a helper in ``tvm_patch_dsp.h``; Python ints become int32."""
    return tirx.call_extern(dtype, function, *arguments)


def load4(buffer: Buffer, index: Expr) -> Expr:
    """Emit the load of four int8 from any index into a local word."""
    return bind("word", call("uint32", "tvmp_load4", T.address_of(buffer[index])))


def int32_at(buffer: Buffer, index: Expr) -> Expr:
    """Return an element as int32."""
    return T.cast(buffer[index], "int32")


def accumulate(acc: Buffer, index: Any, term: Expr, wraps: bool) -> None:
    """Emit ``acc[index] += term``, modulo 2**32 if `wraps` (signed overflow is undefined in C)."""
    total = acc[index] + term
    if wraps:
        total = T.cast(T.cast(acc[index], "uint32") + T.cast(term, "uint32"), "int32")
    T.buffer_store(acc, total, [index])


@contextmanager
def tiles(extent: int, size: int) -> Iterator[Expr]:
    """Open a loop over tiles of `size` in `extent` and yield the first element of each.

    The last tile overlaps its neighbour when `size` does not divide `extent`: computing a few elements twice costs
    no code, unlike a second copy of the tile.
    """
    count = -(-extent // size)
    if count == 1:
        yield T.int32(0)
        return
    with loop("tile", 0, count) as tile:
        start = tile * size
        yield start if extent % size == 0 else bind("start", T.min(start, T.int32(extent - size)))


def for_columns(width: int, size: int, columns: Expr | None, emit: Callable[[Expr, int], None]) -> None:
    """Emit the loops over output columns in tiles.

    Parameters
    ----------
    width, size : int
        Output columns of the operator and of a tile.
    columns : Expr or None
        How many columns to make at run time; None makes all `width`.
    emit : callable
        Emits the columns from the first argument on, as many as the second says.  Called twice where the number
        of columns is not known: tiles that overlap would need at least one whole tile.
    """
    if columns is None:
        with tiles(width, size) as column:
            emit(column, size)
        return
    whole = bind("whole", T.truncdiv(columns, T.int32(size))) if size > 1 else columns
    with loop("tile", 0, whole) as tile:
        emit(tile * size, size)
    if size > 1:
        with loop("column", whole * size, columns) as column:
            emit(column, 1)


def row_parameters(kernel: RowKernel) -> dict[str, tuple[int, str]]:
    """Return elements and dtype of a row function's parameters, in the contract's order."""
    out: dict[str, tuple[int, str]] = {}
    for i, (window, tensor) in enumerate(zip(kernel.windows, kernel.op.inputs, strict=True)):
        _, _, width, channels = tensor.shape
        size = (window.columns_before + width + window.columns_after) * channels
        out.update({f"in{i}_row{j}": (size, tensor.dtype) for j in range(window.size)})
    out.update({name: (int(a.size), str(a.dtype)) for name, a in kernel.constants.items()})
    if kernel.scratch_bytes:
        out["scratch"] = (kernel.scratch_bytes, "int8")
    output = kernel.op.outputs[0]
    out["out"] = (output.shape[2] * output.shape[3], output.dtype)
    return out


@contextmanager
def row_body(kernel: RowKernel, dynamic: bool) -> Iterator[tuple[Any, dict[str, Buffer], Expr | None]]:
    """Open the function of one output row.

    Parameters
    ----------
    kernel : RowKernel
        Whose parameters to declare.
    dynamic : bool
        Whether ``columns`` is the last of them.

    Yields
    ------
    tuple
        The IRBuilder, the buffers by name (of a numbered kernel also the ``row``), and how many columns to make: None
        for all of them, also where the operator has a single one.
    """
    if dynamic and not kernel.bandable:
        raise ValueError(f"output columns of {kernel.op.name} cannot be made by themselves")
    numbers = ("row",) * kernel.numbered + ("columns",) * dynamic
    with kernel_body(row_parameters(kernel), numbers) as (builder, buffers):
        yield builder, buffers, buffers["columns"] if dynamic and kernel.op.outputs[0].shape[2] > 1 else None
