"""lookup: unary functions of one 8-bit tensor, which become tables of 256 entries."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from relay_passes.dialect.ops import OpDef, build_call, define
from relay_passes.dialect.reference import Array, Operator
from relay_passes.dialect.rules import island_rule
from relay_passes.dialect.shapes import same_as_input
from relay_passes.dialect.weighted import int8_only
from relay_passes.island import Island
from relay_passes.quant_values import QuantTensor
from relay_passes.straight_line import constant, op_name
from tvm_patch.integer import dtype_range, tables
from tvm_patch.tvm_types import Expr

_CLAMPS: dict[tuple[float, float], tuple[str, Callable[..., np.ndarray]]] = {
    (0.0, math.inf): ("relu", tables.relu),
    (0.0, 6.0): ("relu6", tables.relu6),
    (-1.0, 1.0): ("relu_n1_to_1", tables.relu_n1_to_1),
    (0.0, 1.0): ("relu_0_to_1", tables.relu_0_to_1),
}
_FUNCTIONS: dict[str, tuple[str, Callable[..., np.ndarray]]] = {
    "relax.sigmoid": ("logistic", tables.logistic),
    "relax.tanh": ("tanh", tables.tanh),
}


def _lookup(op: Operator, args: dict[str, Array]) -> Array:
    """Return ``table[data + 128]`` (``table[data]`` for uint8 data)."""
    data = args["data"]
    low, _ = dtype_range(data.dtype.name)
    return args["table"].reshape(-1)[data.astype(np.int64) - low].astype(str(op.attrs["dtype"]))


define(
    # any unary int8 -> int8 function: out = table[data + 128] (table[data] for uint8 data).
    # origin: the operator it stands for, e.g. "logistic", "quantize", "relu"; dtype of `table` is the output's
    OpDef(
        "lookup",
        arguments=("data", "table"),
        constants=("table",),
        attributes=("origin", "dtype"),
        infer_shape=same_as_input,
        reference=_lookup,
        dtype_from="dtype",
    )
)


def lookup_call(data: Any, table: np.ndarray, origin: str) -> Any:
    """Return a dialect ``lookup`` of `data` in `table`."""
    return build_call("lookup", [data, constant(table)], origin=origin, dtype=str(table.dtype))


def _grids(island: Island, data: QuantTensor) -> tuple[float, int, float, int]:
    return data.scale, data.zero_point, island.out.scale, island.out.zero_point


@island_rule("relax.dequantize")
def requantize(island: Island) -> Any | None:
    """Match ``quantize(dequantize)`` (TFLite QUANTIZE between 8-bit types) and ReLU operators standing alone."""
    data = island.operand(island.body)
    if data is None:
        return None
    if not island.has_clip:
        if data.params.same_grid(island.out):
            return data.expr
        table = tables.requantize(*_grids(island, data), data.dtype, island.out.dtype)
        return lookup_call(data.expr, table, "quantize")
    if island.clip_range not in _CLAMPS:
        raise island.refuse(f"a clamp to {island.clip_range} on its own", "use RELU, RELU6 or RELU_N1_TO_1")
    int8_only(island, data)
    origin, make = _CLAMPS[island.clip_range]
    return lookup_call(data.expr, make(*_grids(island, data)), origin)


@island_rule("relax.multiply", last=True)
def through_float(island: Island) -> Any | None:
    """Match ``quantize(dequantize * 1)``: DEQUANTIZE then QUANTIZE, which round in float32, unlike one QUANTIZE."""
    data = None if island.has_clip else island.operand(island.body.args[0])
    if data is None or island.scalar(island.body.args[1]) != 1.0:
        return None
    return lookup_call(
        data.expr, tables.through_float(*_grids(island, data), data.dtype, island.out.dtype), "quantize"
    )


@island_rule("relax.sigmoid", "relax.tanh")
def unary_function(island: Island) -> Any | None:
    """Match ``quantize(sigmoid(dequantize))`` and ``quantize(tanh(dequantize))``."""
    data = None if island.has_clip else island.operand(island.body.args[0])
    if data is None:
        return None
    int8_only(island, data)
    origin, make = _FUNCTIONS[op_name(island.body)]
    return lookup_call(data.expr, make(*_grids(island, data)), origin)


@island_rule("relax.nn.leakyrelu")
def leaky_relu(island: Island) -> Any | None:
    """Match ``quantize(leakyrelu(dequantize))``."""
    data = None if island.has_clip else island.operand(island.body.args[0])
    if data is None:
        return None
    int8_only(island, data)
    table = tables.leaky_relu(float(island.body.attrs.alpha), *_grids(island, data))
    return lookup_call(data.expr, table, "leaky_relu")


@island_rule("relax.divide")
def hard_swish(island: Island) -> Any | None:
    """Match ``quantize(x * clip(x + 3, 0, 6) / 6)`` with ``x`` a dequantize: how the stock frontend writes it."""
    if island.has_clip or island.scalar(island.body.args[1]) != 6.0:
        return None
    product = island.definition(island.body.args[0])
    if op_name(product) != "relax.multiply":
        return None
    data, gate = island.operand(product.args[0]), island.definition(product.args[1])
    if data is None or op_name(gate) != "relax.clip" or _bounds(gate) != (0.0, 6.0):
        return None
    shifted = island.definition(gate.args[0])
    if op_name(shifted) != "relax.add" or island.scalar(shifted.args[1]) != 3.0:
        return None
    again = island.operand(shifted.args[0])
    if again is None or again.params != data.params or again.expr != data.expr:
        return None
    int8_only(island, data)
    try:
        table = tables.hard_swish(*_grids(island, data))
    except ValueError as error:
        raise island.refuse(str(error)) from error
    return lookup_call(data.expr, table, "hard_swish")


def _bounds(clip: Expr) -> tuple[float, float]:
    return float(clip.args[1].value), float(clip.args[2].value)
