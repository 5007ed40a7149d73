"""Receptive fields: how much of the network's input one element of each tensor sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from tvm_patch.graph import Graph, Operator

_LOCAL = frozenset(
    {"add", "sub", "mul", "maximum", "minimum", "lookup", "prelu", "concat", "pad", "quantize", "dequantize"}
)
"""Operators whose output element (y, x) reads element (y, x) only, up to an offset."""


@dataclass(frozen=True)
class ReceptiveField:
    """What an element of a tensor sees of the network's input, as (rows, columns).

    Attributes
    ----------
    size : tuple of float
        Rows and columns of the input that one element depends on; infinite behind an operator that reads
        everything (a mean, a fully connected layer).
    jump : tuple of float
        Rows and columns of the input between neighbouring elements: the product of strides.
    """

    size: tuple[float, float]
    jump: tuple[float, float]


_POINT = ReceptiveField((1, 1), (1, 1))
_EVERYTHING = ReceptiveField((inf, inf), (inf, inf))


def fields_of(graph: Graph) -> dict[str, ReceptiveField]:
    """Return the receptive field of every tensor of `graph`."""
    fields = {t.name: _POINT for t in graph.inputs}
    for op in graph.operators:
        made = _field(op, fields)
        fields.update(dict.fromkeys(op.output_names, made))
    return fields


def _field(op: Operator, fields: Mapping[str, ReceptiveField]) -> ReceptiveField:
    sources = [fields[name] for name in op.input_names]
    if not sources:
        return _POINT
    if op.window is not None:
        base = sources[0]
        reach, stride = op.window.reach, op.window.stride
        return ReceptiveField(
            (base.size[0] + (reach[0] - 1) * base.jump[0], base.size[1] + (reach[1] - 1) * base.jump[1]),
            (base.jump[0] * stride[0], base.jump[1] * stride[1]),
        )
    if op.kind == "softmax" and len(op.inputs[0].shape) == 4:
        return sources[0]
    if op.kind in _LOCAL:
        return ReceptiveField(_largest([s.size for s in sources]), _largest([s.jump for s in sources]))
    if op.kind in ("resize_nearest", "resize_bilinear"):
        return _resized(op, sources[0])
    return _EVERYTHING


def _resized(op: Operator, base: ReceptiveField) -> ReceptiveField:
    before, after = op.inputs[0].shape, op.outputs[0].shape
    ratio = (before[1] / after[1], before[2] / after[2])
    reach = 1 if op.kind == "resize_bilinear" else 0  # bilinear reads one neighbour more
    return ReceptiveField(
        (base.size[0] + reach * base.jump[0], base.size[1] + reach * base.jump[1]),
        (base.jump[0] * ratio[0], base.jump[1] * ratio[1]),
    )


def _largest(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    return max(p[0] for p in pairs), max(p[1] for p in pairs)
