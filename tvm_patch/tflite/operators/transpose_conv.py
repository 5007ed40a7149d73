"""TRANSPOSE_CONV."""

from __future__ import annotations

from typing import Any

from tvm_patch.errors import UnsupportedError
from tvm_patch.integer import activation_range
from tvm_patch.tflite.model import Operator
from tvm_patch.tflite.operators.base import TfliteOperator, register
from tvm_patch.tflite.rewriter import Rewriter
from tvm_patch.tflite.rules import product_of_scales, window
from tvm_patch.tflite.schema import STRIDES, OptionsTable, activation
from tvm_patch.tflite.use import Role, Shape, Use
from tvm_patch.tflite.weights import check_channels, check_weights, weights_in_order

_SHAPE, _WEIGHT, _DATA, _BIAS = range(4)


def _transpose_conv(use: Use) -> list[Shape]:
    data, weight = use.shape(_DATA, 4), use.shape(_WEIGHT, 4)
    use.shape(_SHAPE, 1)
    made = tuple(use.ints(_SHAPE, 4))
    if weight[3] != data[3] or made[0] != data[0] or made[3] != weight[0] or min(made) < 1:
        raise use.refuse(
            f"weights of shape {list(weight)} and an input of shape {list(data)} for an output of {list(made)}"
        )
    # The forward convolution of the output must give the input.
    back = window(use, made, weight[1:3], dilated=False)
    if back != data[1:3]:
        raise use.refuse(
            f"an output of {list(made[1:3])} comes from {list(back)}, not from {list(data[1:3])}"
        )
    check_channels(use, weight[0])
    return [made]


def _rewrite(r: Rewriter, op: Operator) -> None:
    r.keep(weights_in_order(r, op, bias=_BIAS))


def _convert(c: Any) -> Any:
    # Not the stock method: it drops the fused activation, and gives a smaller output than the model has where
    # strides do not reach the last rows.
    relax, options, kernel = c.relax, c.options, c.tensor(_WEIGHT).shape[1:3]
    strides = [options["stride_h"], options["stride_w"]]
    before, after, extra = zip(
        *(_spread(c, axis, kernel[axis], strides[axis]) for axis in (0, 1)), strict=True
    )
    weight = relax.const(c.constant(_WEIGHT).transpose(3, 0, 1, 2), "int8")
    real = relax.op.nn.conv2d_transpose(
        c.real(_DATA),
        relax.op.dequantize(weight, *c.grid(_WEIGHT), axis=1),
        strides=strides,
        padding=[*before, *after],
        output_padding=list(extra),
        data_layout="NHWC",
        kernel_layout="IOHW",
    )
    if len(c.op.inputs) > _BIAS:
        bias = relax.const(c.constant(_BIAS), "int32")
        real = relax.op.add(real, relax.op.dequantize(bias, *c.grid(_BIAS), axis=0))
    result = c.quantized(real)
    name = options.get("fused_activation_function", "NONE")
    if name == "NONE":
        return result
    q = c.output.quantization
    return relax.op.clip(
        result, *activation_range(name, float(q.scale[0]), int(q.zero_point[0]), c.output.dtype)
    )


def _spread(c: Any, axis: int, kernel: int, stride: int) -> tuple[int, int, int]:
    """Return padding before and after, and rows that no element of the input reaches."""
    data, size = c.tensor(_DATA).shape[axis + 1], c.output.shape[axis + 1]
    total = 0
    if c.options["padding"] == "SAME":
        total = max(0, (-(-size // stride) - 1) * stride + kernel - size)
    extra = size - ((data - 1) * stride + kernel - total)
    if not 0 <= extra < stride:
        raise UnsupportedError(
            f"an output of {size} from {data} elements with kernel {kernel} and stride {stride}",
            c.op.where,
            "give it the output shape that its padding implies",
        )
    return total // 2, total - total // 2, extra


register(
    TfliteOperator(
        "TRANSPOSE_CONV",
        inputs=(Role.NUMBERS, Role.WEIGHT, Role.DATA, Role.BIAS),
        optional=1,
        options=OptionsTable(49, (*STRIDES, activation(3))),
        version=3,
        required=True,
        picture=True,
        shape=_transpose_conv,
        step=product_of_scales,
        check=check_weights,
        rewrite=_rewrite,
        convert=_convert,
    )
)
