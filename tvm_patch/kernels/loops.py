"""Loop nests over strided tensors, with axes merged where they can be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from tvm_patch.kernels.named import loop
from tvm_patch.tir import T, ir_builder
from tvm_patch.tvm_types import Buffer, Expr

Strides = tuple[int, ...]


def element_strides(shape: Sequence[int]) -> Strides:
    """Return the strides, in elements, of a dense tensor of `shape`."""
    strides, step = [], 1
    for extent in reversed(shape):
        strides.append(step)
        step *= extent
    return tuple(reversed(strides))


def broadcast_strides(shape: Sequence[int], out_shape: Sequence[int]) -> Strides:
    """Return the strides with which a dense tensor of `shape` is read once per element of `out_shape`.

    Broadcast axes get stride 0; axes missing in front too.
    """
    missing = len(out_shape) - len(shape)
    own = element_strides(shape)
    return (0,) * missing + tuple(0 if n == 1 else s for n, s in zip(shape, own, strict=True))


def merge_axes(
    extents: Sequence[Any], strides: Sequence[Strides]
) -> tuple[tuple[Any, ...], tuple[Strides, ...]]:
    """Drop axes of extent 1 and merge neighbours that every tensor walks as one.

    Parameters
    ----------
    extents : sequence of int
        Loop extents, outermost first; the outermost may be an expression.
    strides : sequence of tuple
        Per tensor, one stride an axis.

    Returns
    -------
    tuple
        The new extents (at least one) and strides.
    """
    merged: list[tuple[Any, list[int]]] = []
    for axis, extent in enumerate(extents):
        if _is(extent, 1):
            continue
        steps = [s[axis] for s in strides]
        if merged and all(o == n * extent for o, n in zip(merged[-1][1], steps, strict=True)):
            merged[-1] = (merged[-1][0] * extent, steps)
        else:
            merged.append((extent, steps))
    if not merged:
        merged.append((1, [0] * len(strides)))
    return tuple(e for e, _ in merged), tuple(tuple(m[1][i] for m in merged) for i in range(len(strides)))


@contextmanager
def nest(
    extents: Sequence[Any], strides: Sequence[Strides], offsets: Sequence[Any] | None = None
) -> Iterator[list[Expr]]:
    """Open serial loops over `extents` and yield one element index per tensor.

    Axes are merged first, so a dense element-wise walk is one flat ascending loop.
    """
    extents, strides = merge_axes(extents, strides)
    offsets = list(offsets) if offsets is not None else [0] * len(strides)
    with ExitStack() as stack:
        loops = [
            stack.enter_context(loop(f"axis{a}", 0, n)) if not _is(n, 1) else 0 for a, n in enumerate(extents)
        ]
        yield [
            dot(loops, steps) + offset if not _is(offset, 0) else dot(loops, steps)
            for steps, offset in zip(strides, offsets, strict=True)
        ]


def dot(indices: Sequence[Expr], strides: Sequence[int]) -> Expr:
    """Return the sum of index times stride, without the terms that are zero."""
    total: Expr = 0
    for index, stride in zip(indices, strides, strict=True):
        if stride == 0 or _is(index, 0):
            continue
        term = index if stride == 1 else index * stride
        total = term if _is(total, 0) else total + term
    return total


def _is(value: Any, number: int) -> bool:
    """Tell whether `value` is a Python int equal to `number`; comparing an expression would make another."""
    return isinstance(value, int) and value == number


def split_axes(
    shape: Sequence[int], reduced: Sequence[int]
) -> tuple[tuple[tuple[int, ...], Strides], tuple[tuple[int, ...], Strides]]:
    """Return (extents, strides) of the axes that stay and of the `reduced` ones of a dense tensor."""
    strides = element_strides(shape)
    gone = {int(a) % len(shape) for a in reduced}
    kept = [a for a in range(len(shape)) if a not in gone]
    return (
        (tuple(shape[a] for a in kept), tuple(strides[a] for a in kept)),
        (tuple(shape[a] for a in sorted(gone)), tuple(strides[a] for a in sorted(gone))),
    )


@contextmanager
def kernel_body(
    parameters: Mapping[str, tuple[int, str]], numbers: Sequence[str] = ()
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Open a private PrimFunc with raw-pointer parameters.

    Parameters
    ----------
    parameters : mapping of str to (int, str)
        Number of elements and dtype per pointer, in order.
    numbers : sequence of str
        Names of int32 parameters after the pointers.

    Yields
    ------
    tuple
        The IRBuilder, whose ``get()`` is the PrimFunc after the block, and by name the flat buffers and numbers.
    """
    with ir_builder.IRBuilder() as builder, T.prim_func(private=True):
        handles = {name: T.arg(name, T.handle(dtype)) for name, (_, dtype) in parameters.items()}
        values = {name: T.arg(name, T.int32()) for name in numbers}
        buffers = {
            name: T.decl_buffer((max(1, size),), dtype, data=handles[name])
            for name, (size, dtype) in parameters.items()
        }
        yield builder, {**buffers, **values}


def copy_elements(
    out: Buffer,
    data: Buffer,
    extents: Sequence[Any],
    *,
    out_strides: Strides,
    data_strides: Strides,
    offsets: tuple[Any, Any] = (0, 0),
) -> None:
    """Emit ``out[offset + ...] = data[offset + ...]`` over `extents`."""
    with nest(extents, (out_strides, data_strides), offsets) as (to, source):
        T.buffer_store(out, data[source], [to])


def fill(out: Buffer, value: Any, start: Any, count: int) -> None:
    """Emit ``out[start : start + count] = value``."""
    if count > 0:
        with nest((count,), ((1,),), (start,)) as (index,):
            T.buffer_store(out, value, [index])


def parameters_of(kernel: Any) -> dict[str, tuple[int, str]]:
    """Return the parameters of a tensor kernel's function as :func:`kernel_body` takes them."""
    op = kernel.op
    out: dict[str, tuple[int, str]] = {f"in{i}": (t.size, t.dtype) for i, t in enumerate(op.inputs)}
    out.update({name: (int(a.size), str(a.dtype)) for name, a in kernel.constants.items()})
    if kernel.scratch_bytes:
        out["scratch"] = (kernel.scratch_bytes, "int8")
    out.update({f"out{i}": (t.size, t.dtype) for i, t in enumerate(op.outputs)})
    return out
