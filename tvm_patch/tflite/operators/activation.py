"""Functions of one tensor, element by element: RELU and its kin, LOGISTIC, TANH, HARD_SWISH, SOFTMAX."""

from __future__ import annotations

from typing import Any

from tvm_patch.tflite.operators.base import TfliteOperator, register
from tvm_patch.tflite.rules import largest_scale, same_shape
from tvm_patch.tflite.schema import OptionField, OptionsTable
from tvm_patch.tflite.use import Role, Shape, Use

_DATA = (Role.DATA,)


def _leaky_step(use: Use) -> float:
    return largest_scale(use) * max(1.0, abs(float(use.op.options["alpha"])))


def _softmax(use: Use) -> list[Shape]:
    if not use.shape(0):
        raise use.refuse("softmax of a scalar")
    return [use.shape(0)]


def _convert_softmax(c: Any) -> Any:
    # The stock method drops beta.
    data, beta = c.real(), float(c.options["beta"])
    if beta != 1.0:
        data = c.relax.op.multiply(data, c.relax.const(beta, "float32"))
    return c.quantized(c.relax.op.nn.softmax(data, axis=-1))


register(
    TfliteOperator("RELU", inputs=_DATA, version=2, shape=same_shape),
    TfliteOperator("RELU6", inputs=_DATA, version=2, shape=same_shape, bound=6.0),
    TfliteOperator("RELU_N1_TO_1", inputs=_DATA, shape=same_shape, bound=1.0),
    TfliteOperator(
        "LEAKY_RELU",
        inputs=_DATA,
        options=OptionsTable(75, (OptionField("alpha", 0, "float32", 0.0),)),
        version=2,
        required=True,
        shape=same_shape,
        step=_leaky_step,
    ),
    TfliteOperator("HARD_SWISH", inputs=_DATA, options=OptionsTable(91), shape=same_shape),
    # Their scales go through floats, or through LiteRT's own fixed output scale.
    TfliteOperator("LOGISTIC", inputs=_DATA, version=2, shape=same_shape, step=None),
    TfliteOperator("TANH", inputs=_DATA, version=2, shape=same_shape, step=None),
    TfliteOperator(
        "SOFTMAX",
        inputs=_DATA,
        options=OptionsTable(9, (OptionField("beta", 0, "float32", 0.0),)),
        version=2,
        required=True,
        shape=_softmax,
        step=None,
        convert=_convert_softmax,
    ),
)
