"""CONV_2D and DEPTHWISE_CONV_2D."""

from __future__ import annotations

from dataclasses import replace

from tvm_patch.tflite.model import Operator
from tvm_patch.tflite.operators.base import TfliteOperator, register
from tvm_patch.tflite.rewriter import Rewriter
from tvm_patch.tflite.rules import product_of_scales, window
from tvm_patch.tflite.schema import STRIDES, OptionField, OptionsTable, activation, positive
from tvm_patch.tflite.use import Role, Shape, Use
from tvm_patch.tflite.weights import check_channels, check_weights, weights_in_order


def _conv_2d(use: Use) -> list[Shape]:
    data, weight = use.shape(0, 4), use.shape(1, 4)
    channels, depth = weight[0], weight[3]
    if depth < 1 or data[3] % depth or channels < 1 or channels % (data[3] // depth):
        raise use.refuse(f"weights of shape {list(weight)} for an input of shape {list(data)}")
    check_channels(use, channels)
    return [(data[0], *window(use, data, weight[1:3], dilated=True), channels)]


def _depthwise_conv_2d(use: Use) -> list[Shape]:
    data, weight = use.shape(0, 4), use.shape(1, 4)
    channels = weight[3]
    if weight[0] != 1 or channels < 1 or channels % data[3]:
        raise use.refuse(f"weights of shape {list(weight)} for an input of shape {list(data)}")
    multiplier = use.number("depth_multiplier", 0, 2**31 - 1)
    if multiplier not in (0, channels // data[3]):  # 0: a converter that left it to the shapes
        raise use.refuse(
            f"depth_multiplier is {multiplier}, but the weights make {channels} channels of {data[3]}"
        )
    check_channels(use, channels)
    return [(data[0], *window(use, data, weight[1:3], dilated=True), channels)]


def _rewrite_conv_2d(r: Rewriter, op: Operator) -> None:
    r.keep(weights_in_order(r, op))


def _rewrite_depthwise_conv_2d(r: Rewriter, op: Operator) -> None:
    op = weights_in_order(r, op, axis=3)
    # Some converters leave 0 here; the shapes say it.
    multiplier = r.tensors[op.inputs[1]].shape[3] // r.tensors[op.inputs[0]].shape[3]
    r.keep(replace(op, options={**op.options, "depth_multiplier": multiplier}))


register(
    TfliteOperator(
        "CONV_2D",
        inputs=(Role.DATA, Role.WEIGHT, Role.BIAS),
        optional=1,
        options=OptionsTable(
            1,
            (
                *STRIDES,
                activation(3),
                positive("dilation_w_factor", 4, 1),
                positive("dilation_h_factor", 5, 1),
            ),
        ),
        version=3,
        required=True,
        picture=True,
        shape=_conv_2d,
        step=product_of_scales,
        check=check_weights,
        rewrite=_rewrite_conv_2d,
    ),
    TfliteOperator(
        "DEPTHWISE_CONV_2D",
        inputs=(Role.DATA, Role.WEIGHT, Role.BIAS),
        optional=1,
        options=OptionsTable(
            2,
            (
                *STRIDES,
                OptionField("depth_multiplier", 3, minimum=0),
                activation(4),
                positive("dilation_w_factor", 5, 1),
                positive("dilation_h_factor", 6, 1),
            ),
        ),
        version=3,
        required=True,
        picture=True,
        shape=_depthwise_conv_2d,
        step=product_of_scales,
        check=check_weights,
        rewrite=_rewrite_depthwise_conv_2d,
    ),
)
