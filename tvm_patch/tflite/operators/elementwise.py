"""ADD, SUB, MUL, MAXIMUM, MINIMUM and PRELU: two tensors, element by element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tvm_patch.tflite.operators.base import Grids, TfliteOperator, register
from tvm_patch.tflite.rules import broadcast, input_scales, largest_scale, product_of_scales
from tvm_patch.tflite.schema import OptionsTable, activation, flag
from tvm_patch.tflite.use import Role, Use


def _arithmetic(
    kind: str, options: OptionsTable, step: Callable[[Use], float] = largest_scale
) -> TfliteOperator:
    inputs = (Role.DATA, Role.DATA)
    return TfliteOperator(kind, inputs=inputs, options=options, version=2, shape=broadcast, step=step)


def _extremum(kind: str, convert: Callable[[Any], Any]) -> TfliteOperator:
    return TfliteOperator(
        kind,
        inputs=(Role.DATA, Role.DATA),
        options=OptionsTable(39),
        version=2,
        grids=Grids.ONE,
        shape=broadcast,
        convert=convert,
    )


def _maximum(c: Any) -> Any:
    return c.relax.op.maximum(c.data(0), c.data(1))


def _minimum(c: Any) -> Any:
    return c.relax.op.minimum(c.data(0), c.data(1))


def _prelu_step(use: Use) -> float:
    scales = input_scales(use)
    return scales[0] * max(1.0, scales[1])


def _prelu(c: Any) -> Any:
    # Stock nn.prelu takes one slope a channel only; this form broadcasts any alpha.
    op = c.relax.op
    data = c.bind(c.real(0), f"{c.output.name}_real")
    negative = op.multiply(c.real(1), op.minimum(data, c.relax.const(0.0, "float32")))
    return c.quantized(op.add(op.nn.relu(data), negative))


_POT = flag("pot_scale_int16", 1, True)

register(
    _arithmetic("ADD", OptionsTable(11, (activation(0), _POT))),
    _arithmetic("SUB", OptionsTable(28, (activation(0), _POT))),
    _arithmetic("MUL", OptionsTable(21, (activation(0),)), product_of_scales),
    _extremum("MAXIMUM", _maximum),
    _extremum("MINIMUM", _minimum),
    TfliteOperator(
        "PRELU", inputs=(Role.DATA, Role.SLOPE), shape=broadcast, step=_prelu_step, convert=_prelu
    ),
)
