"""Stock operators that only move data: on integers they are what they were, where nothing is rescaled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tvm
from tvm import relax

from relay_passes.dialect.reference import Array, Operator, int_list
from relay_passes.dialect.rules import island_rule
from relay_passes.island import Island
from relay_passes.straight_line import StraightLine, shape_of

Apart = tuple[list[Any], list[str], dict[str, Any]]
"""Arguments of a call, the name each has when it is a constant, and plain attributes."""


@dataclass(frozen=True)
class Move:
    """A stock operator that stays in a legalized module.

    Attributes
    ----------
    arguments : tuple of str
        ``("parts",)`` for any number of them, which are then ``part0``, ``part1``, ...
    take_apart : callable
        What is in a call.
    reference : callable
        The output in numpy, from the operator and its arguments by name.
    """

    arguments: tuple[str, ...]
    take_apart: Callable[[Any, StraightLine], Apart]
    reference: Callable[[Operator, dict[str, Array]], Array | list[Array]]


MOVES: dict[str, Move] = {}
"""Every one of them by its short name."""

# These only rename dimensions: they become reshapes.
_RESHAPES = frozenset({"relax.reshape", "relax.expand_dims", "relax.squeeze", "relax.flatten"})
MOVEMENT = set(_RESHAPES)
"""Stock operators that only move data, before legalization."""


def define_moves(**moves: Move) -> None:
    """Let stock operators stay in legalized modules, by their short names."""
    for name, move in moves.items():
        MOVES[name] = move
        MOVEMENT.add(f"relax.{name}")
        island_rule(f"relax.{name}")(movement)


def _reshape(op: Operator, args: dict[str, Array]) -> Array:
    """Return the same elements in the output's shape."""
    return args["data"].reshape(op.outputs[0].shape)


def _reshape_apart(call: Any, line: StraightLine) -> Apart:
    return [call.args[0]], ["data"], {}


def _permute_dims(op: Operator, args: dict[str, Array]) -> Array:
    """Return data with its axes permuted; reversed where ``axes`` is None."""
    axes = op.attrs.get("axes")
    return np.ascontiguousarray(np.transpose(args["data"], None if axes is None else int_list(axes)))


def _permute_dims_apart(call: Any, line: StraightLine) -> Apart:
    rank = len(shape_of(call))
    axes = call.attrs.axes
    order = [int(a) % rank for a in axes] if axes is not None else list(range(rank))[::-1]
    return [call.args[0]], ["data"], {"axes": order}


def _concat(op: Operator, args: dict[str, Array]) -> Array:
    """Return the inputs one after the other along ``axis``."""
    ordered = [args[f"part{i}"] for i in range(len(args))]
    return np.concatenate(ordered, axis=int(op.attrs["axis"]))


def _concat_apart(call: Any, line: StraightLine) -> Apart:
    fields = list(line.definition(call.args[0]).fields)
    names = [f"part{i}" for i in range(len(fields))]
    return fields, names, {"axis": int(call.attrs.axis) % len(shape_of(call))}


def _split(op: Operator, args: dict[str, Array]) -> list[Array]:
    """Return the parts of data along ``axis``."""
    where: Any = op.attrs["indices_or_sections"]
    where = int(where) if isinstance(where, int | np.integer) else int_list(where)
    return [np.ascontiguousarray(p) for p in np.split(args["data"], where, axis=int(op.attrs["axis"]))]


def _split_apart(call: Any, line: StraightLine) -> Apart:
    data = shape_of(call.args[0])
    axis = int(call.attrs.axis) % len(data)
    sections = call.attrs.indices_or_sections
    if hasattr(sections, "value") or isinstance(sections, int):
        count = int(sections)
        indices = [data[axis] // count * i for i in range(1, count)]
    else:
        indices = [int(i) for i in sections]
    return [call.args[0]], ["data"], {"axis": axis, "indices_or_sections": indices}


def _strided_slice(op: Operator, args: dict[str, Array]) -> Array:
    """Return the slice ``begin:end:strides`` of each of ``axes`` (numpy's rules for negative values)."""
    attrs = op.attrs
    begin, end, axes = int_list(attrs["begin"]), int_list(attrs["end"]), int_list(attrs["axes"])
    strides = int_list(attrs.get("strides") or [1] * len(axes))
    index = [slice(None)] * args["data"].ndim
    for axis, b, e, s in zip(axes, begin, end, strides, strict=True):
        size = args["data"].shape[axis]
        # Going down to and including element 0: numpy would read an end of -1 as the last element.
        stop = None if s < 0 and e < -size else e
        index[axis] = slice(b, stop, s)
    return np.ascontiguousarray(args["data"][tuple(index)])


def _strided_slice_apart(call: Any, line: StraightLine) -> Apart:
    data = shape_of(call.args[0])
    axes = [int(_number(a)) % len(data) for a in call.args[1].fields]
    rows = [[int(_number(v)) for v in argument.fields] for argument in call.args[2:4]]
    strides = [int(_number(v)) for v in call.args[4].fields] if len(call.args) > 4 else [1] * len(axes)
    begins, ends = [], []
    for axis, begin, end, stride in zip(axes, *rows, strides, strict=True):
        first, last, _ = slice(begin, end, stride).indices(data[axis])
        begins.append(first)
        # Going down to and including element 0 ends at -1, which would mean the last element.
        ends.append(last if last >= 0 else -data[axis] - 1)
    return [call.args[0]], ["data"], {"axes": axes, "begin": begins, "end": ends, "strides": strides}


def _take(op: Operator, args: dict[str, Array]) -> Array:
    """Return the elements at the constant ``indices`` along ``axis``."""
    return np.take(args["data"], args["indices"].astype(np.int64), axis=int(op.attrs["axis"]))


def _take_apart(call: Any, line: StraightLine) -> Apart:
    rank = len(shape_of(call.args[0]))
    return list(call.args), ["data", "indices"], {"axis": int(call.attrs.axis) % rank}


def _tile(op: Operator, args: dict[str, Array]) -> Array:
    """Return data repeated ``repeats`` times along each axis."""
    return np.tile(args["data"], int_list(op.attrs["repeats"]))


def _tile_apart(call: Any, line: StraightLine) -> Apart:
    repeats = [int(r) for r in call.attrs.repeats]
    missing = len(shape_of(call.args[0])) - len(repeats)
    return [call.args[0]], ["data"], {"repeats": [1] * missing + repeats}


def _number(value: Any) -> int:
    return int(value.value) if hasattr(value, "value") else int(value)


def moved(call: Any, data: Sequence[Any]) -> Any:
    """Return movement `call` applied to `data`, its tensor arguments; what only reshapes becomes ``reshape``."""
    name = str(call.op.name)
    if name in _RESHAPES:
        return relax.op.reshape(data[0], list(shape_of(call)))
    first = relax.Tuple(list(data)) if name == "relax.concat" else data[0]
    return relax.Call(tvm.ir.Op.get(name), [first, *call.args[1:]], call.attrs, call.ty_args)


def sources(call: Any, definition: Any) -> list[Any]:
    """Return the tensors that movement `call` moves; `definition` looks variables up."""
    if str(call.op.name) != "relax.concat":
        return [call.args[0]]
    fields = call.args[0] if isinstance(call.args[0], relax.Tuple) else definition(call.args[0])
    return list(fields.fields)


@island_rule(*_RESHAPES - {"relax.reshape"})
def movement(island: Island) -> Any | None:
    """Match ``quantize(move(dequantize, ...))`` with one scale and zero point throughout."""
    if island.has_clip:
        return None
    tensors = [island.operand(source) for source in sources(island.body, island.definition)]
    data = [t for t in tensors if t is not None]
    if len(data) != len(tensors):
        return None
    if any(not t.params.same_grid(island.out) for t in data):
        raise island.refuse(
            f"{island.body.op.name.removeprefix('relax.')} between different scales or zero points",
            "LiteRT refuses it as well for int8: quantize its inputs and output alike",
        )
    return moved(island.body, [t.expr for t in data])


define_moves(
    reshape=Move(("data",), _reshape_apart, _reshape),
    permute_dims=Move(("data",), _permute_dims_apart, _permute_dims),
    concat=Move(("parts",), _concat_apart, _concat),
    split=Move(("data",), _split_apart, _split),
    strided_slice=Move(("data",), _strided_slice_apart, _strided_slice),
    take=Move(("data", "indices"), _take_apart, _take),
    tile=Move(("data",), _tile_apart, _tile),
)
