"""Data movement written on dequantized data: the same movement on the integers when nothing is rescaled."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tvm
from tvm import relax

from relay_passes.island import Island
from relay_passes.straight_line import shape_of
from tvm_patch.tvm_types import Call, Expr

MOVEMENT = frozenset(
    f"relax.{name}"
    for name in ("reshape", "permute_dims", "concat", "split", "strided_slice", "take", "tile", "expand_dims",
                 "squeeze", "flatten")
)  # fmt: skip
"""Stock operators that only move data."""

# These only rename dimensions.
_RESHAPES = frozenset({"relax.reshape", "relax.expand_dims", "relax.squeeze", "relax.flatten"})


def moved(call: Call, data: Sequence[Expr]) -> Expr:
    """Return movement `call` applied to `data`, its tensor arguments; what only reshapes becomes ``reshape``."""
    name = str(call.op.name)
    if name in _RESHAPES:
        return relax.op.reshape(data[0], list(shape_of(call)))
    first = relax.Tuple(list(data)) if name == "relax.concat" else data[0]
    return relax.Call(tvm.ir.Op.get(name), [first, *call.args[1:]], call.attrs, call.ty_args)


def sources(call: Call, definition: Callable[[Expr], Expr]) -> list[Expr]:
    """Return the tensors that movement `call` moves; `definition` looks variables up."""
    if str(call.op.name) != "relax.concat":
        return [call.args[0]]
    fields = call.args[0] if isinstance(call.args[0], relax.Tuple) else definition(call.args[0])
    return list(fields.fields)


def movement(island: Island) -> Expr | None:
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
