"""quantize and dequantize, at the border of the network (TFLite quantize.h)."""

from __future__ import annotations

from relay_passes.dialect.ops import OpDef, define
from relay_passes.dialect.reference import Array, Operator
from relay_passes.dialect.shapes import same_as_input
from tvm_patch.integer import dequantize, quantize_float


def _quantize(op: Operator, args: dict[str, Array]) -> Array:
    """Return float32 data quantized."""
    attrs = op.attrs
    return quantize_float(args["data"], float(attrs["scale"]), int(attrs["zero_point"]), str(attrs["dtype"]))


def _dequantize(op: Operator, args: dict[str, Array]) -> Array:
    """Return 8-bit data as float32."""
    return dequantize(args["data"], float(op.attrs["scale"]), int(op.attrs["zero_point"]))


# float32 -> int8/uint8 and back; scale is a float32 held exactly in the attribute (a Python float)
define(
    OpDef(
        "quantize",
        arguments=("data",),
        constants=(),
        attributes=("scale", "zero_point", "dtype"),
        infer_shape=same_as_input,
        reference=_quantize,
        dtype_from="dtype",
    ),
    OpDef("dequantize", ("data",), (), ("scale", "zero_point"), same_as_input, _dequantize, dtype="float32"),
)
