"""FULLY_CONNECTED."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from tvm_patch.tflite.model import Operator
from tvm_patch.tflite.operators.base import TfliteOperator, register
from tvm_patch.tflite.rewriter import Rewriter
from tvm_patch.tflite.rules import product_of_scales
from tvm_patch.tflite.schema import WEIGHTS_FORMATS, OptionField, OptionsTable, activation, flag
from tvm_patch.tflite.use import Role, Shape, Use
from tvm_patch.tflite.weights import check_channels, check_weights, weights_in_order


def _shape(use: Use) -> list[Shape]:
    data, (units, depth) = use.shape(0), use.shape(1, 2)
    if depth < 1 or units < 1 or prod(data) % depth:
        raise use.refuse(f"{prod(data)} inputs for rows of {depth} weights")
    check_channels(use, units)
    if use.op.options["keep_num_dims"]:
        if data[-1:] != (depth,):
            raise use.refuse(
                f"rows of {depth} weights for an input of shape {list(data)} that keeps its shape"
            )
        return [(*data[:-1], units)]
    return [(prod(data) // depth, units)]


def _check(use: Use) -> None:
    if use.op.options.get("weights_format", "DEFAULT") != "DEFAULT":
        raise use.refuse("shuffled weights", "convert without weight shuffling")
    check_weights(use)


def _rewrite(r: Rewriter, op: Operator) -> None:
    """Emit it on (batch, inputs); other shapes go through RESHAPE before and after."""
    data, output = r.tensors[op.inputs[0]], r.tensors[op.outputs[0]]
    units, depth = r.tensors[op.inputs[1]].shape[:2]
    batch = data.size // depth
    source, target = op.inputs[0], op.outputs[0]
    if data.shape != (batch, depth):
        source = r.add(replace(data, name=f"{data.name}_flat", shape=(batch, depth), data=None))
        r.reshape(op, op.inputs[0], source)
    if output.shape != (batch, units):
        target = r.add(replace(output, name=f"{output.name}_flat", shape=(batch, units)))
    options = {**op.options, "keep_num_dims": False}
    flat = replace(op, inputs=(source, *op.inputs[1:]), outputs=(target,), options=options)
    r.keep(weights_in_order(r, flat))
    if target != op.outputs[0]:
        r.reshape(op, target, op.outputs[0])


register(
    TfliteOperator(
        "FULLY_CONNECTED",
        inputs=(Role.DATA, Role.WEIGHT, Role.BIAS),
        optional=1,
        options=OptionsTable(
            8,
            (
                activation(0),
                OptionField("weights_format", 1, "int8", names=WEIGHTS_FORMATS),
                flag("keep_num_dims", 2),
                flag("asymmetric_quantize_inputs", 3),
            ),
        ),
        version=4,
        required=True,
        shape=_shape,
        step=product_of_scales,
        check=_check,
        rewrite=_rewrite,
    )
)
