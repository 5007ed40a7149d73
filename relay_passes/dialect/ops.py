"""The table of the dialect's operators and their registration with TVM.

Conventions, the same everywhere:

- activations are ``int8`` NHWC unless said otherwise; ``weight`` is int8, ``bias`` int32;
- ``multiplier``/``shift`` are TFLite's fixed-point pair (Q31 mantissa, power of two): positive shifts go left;
  they are int32 vectors (one entry an output channel, repeated where quantization is per tensor) for
  convolutions and ints in attributes elsewhere;
- ``padding`` is (top, left, bottom, right) and pads with ``input_zero_point``;
- ``act_min``/``act_max`` clamp the int8 result (fused activation and int8 range in one).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tvm
from tvm import relax

from relay_passes.dialect import shapes
from tvm_patch.tvm_types import Expr

PREFIX = "tvm_patch."


@dataclass(frozen=True)
class OpDef:
    """One operator of the dialect.

    Attributes
    ----------
    name : str
        Without the ``tvm_patch.`` prefix.
    arguments : tuple of str
        Names of the arguments in order; the ones in `constants` must be Relax constants.
    constants : tuple of str
        Arguments known at compile time.
    attributes : tuple of str
        All of them are required.
    infer_shape : callable
        Output shape from argument shapes and attributes.
    dtype : str
        Output dtype, or the name of an attribute that holds it when it starts with ``@``.
    """

    name: str
    arguments: tuple[str, ...]
    constants: tuple[str, ...]
    attributes: tuple[str, ...]
    infer_shape: Callable[[Sequence[shapes.Shape], Mapping[str, Any]], shapes.Shape]
    dtype: str = "int8"

    @property
    def full_name(self) -> str:
        """Name under which TVM knows the operator."""
        return PREFIX + self.name


_WEIGHTED = ("weight", "bias", "multiplier", "shift")
_ZP_ACT = ("input_zero_point", "output_zero_point", "act_min", "act_max")
_ADDITIVE = (
    "lhs_zero_point", "rhs_zero_point", "output_zero_point", "left_shift",
    "lhs_multiplier", "lhs_shift", "rhs_multiplier", "rhs_shift", "output_multiplier", "output_shift",
    "act_min", "act_max",
)  # fmt: skip

_DEFS = (
    # weight OHWI; groups = IC / weight.shape[3]
    OpDef("conv2d", ("data", *_WEIGHTED), _WEIGHTED, ("strides", "padding", "dilation", *_ZP_ACT), shapes.conv2d),
    # weight 1HW(IC*M): output channel o reads input channel o // M
    OpDef("depthwise_conv2d", ("data", *_WEIGHTED), _WEIGHTED,
          ("strides", "padding", "dilation", *_ZP_ACT), shapes.depthwise_conv2d),
    # weight OHWI; padding is what the forward convolution would have had (top, left, bottom, right)
    OpDef("transpose_conv2d", ("data", *_WEIGHTED), _WEIGHTED,
          ("strides", "padding", "output_shape", *_ZP_ACT), shapes.explicit),
    # weight (O, I); data is read as (-1, I).  Its rescaling is BUILTIN_REF's double: multiplier is an int64 vector of
    # 53-bit mantissas, real = multiplier * 2**(shift - 53); see tvm_patch.integer.multiply_exact
    OpDef("fully_connected", ("data", *_WEIGHTED), _WEIGHTED, ("output_shape", *_ZP_ACT), shapes.explicit),
    OpDef("add", ("lhs", "rhs"), (), _ADDITIVE, shapes.broadcast),
    OpDef("sub", ("lhs", "rhs"), (), _ADDITIVE, shapes.broadcast),
    OpDef("mul", ("lhs", "rhs"), (),
          ("lhs_zero_point", "rhs_zero_point", "output_zero_point", "multiplier", "shift", "act_min", "act_max"),
          shapes.broadcast),
    OpDef("maximum", ("lhs", "rhs"), (), (), shapes.broadcast),
    OpDef("minimum", ("lhs", "rhs"), (), (), shapes.broadcast),
    OpDef("avg_pool2d", ("data",), (), ("pool_size", "strides", "padding", "act_min", "act_max"), shapes.pool2d),
    OpDef("max_pool2d", ("data",), (), ("pool_size", "strides", "padding", "act_min", "act_max"), shapes.pool2d),
    # axes sorted, non-negative.  The exact formula (LiteRT has two) is chosen by `formula`; see tvm_patch.integer.
    OpDef("mean", ("data",), (),
          ("axes", "keepdims", "input_zero_point", "output_zero_point", "multiplier", "shift", "formula"),
          shapes.reduce_axes),
    OpDef("reduce_max", ("data",), (), ("axes", "keepdims"), shapes.reduce_axes),
    OpDef("pad", ("data",), (), ("pad_width", "pad_value"), shapes.pad),
    # any unary int8 -> int8 function: out = table[data + 128] (table[data] for uint8 data).
    # origin: the operator it stands for, e.g. "logistic", "quantize", "relu"; dtype of `table` is the output's
    OpDef("lookup", ("data", "table"), ("table",), ("origin", "dtype"), shapes.same_as_input, "@dtype"),
    OpDef("softmax", ("data",), (), ("multiplier", "shift", "diff_min"), shapes.same_as_input),
    OpDef("prelu", ("data", "alpha"), ("alpha",),
          ("input_zero_point", "alpha_zero_point", "output_zero_point",
           "positive_multiplier", "positive_shift", "negative_multiplier", "negative_shift"), shapes.broadcast),
    OpDef("resize_nearest", ("data",), (), ("size", "align_corners", "half_pixel_centers"), shapes.resize),
    OpDef("resize_bilinear", ("data",), (), ("size", "align_corners", "half_pixel_centers"), shapes.resize),
    OpDef("arg_max", ("data",), (), ("axis", "dtype"), shapes.drop_axis, "@dtype"),
    # float32 -> int8/uint8 and back; scale is a float32 held exactly in the attribute (a Python float)
    OpDef("quantize", ("data",), (), ("scale", "zero_point", "dtype"), shapes.same_as_input, "@dtype"),
    OpDef("dequantize", ("data",), (), ("scale", "zero_point"), shapes.same_as_input, "float32"),
)  # fmt: skip

OPS: dict[str, OpDef] = {d.name: d for d in _DEFS}
"""Every operator of the dialect by its short name."""


def _infer_type(definition: OpDef) -> Callable[[relax.Call, relax.BlockBuilder], relax.TensorType]:
    def infer(call: relax.Call, _: relax.BlockBuilder) -> relax.TensorType:
        argument_shapes = [tuple(int(d) for d in a.ty.shape) for a in call.args]
        dtype = definition.dtype
        if dtype.startswith("@"):
            dtype = str(call.attrs[dtype[1:]])
        return relax.TensorType(list(definition.infer_shape(argument_shapes, call.attrs)), dtype)

    return infer


def _register(definition: OpDef) -> None:
    known = set(tvm.ir.Op.list_op_names())
    if definition.full_name in known:
        return
    tvm.ir.op._ffi_api.RegisterOp(definition.full_name, f"integer {definition.name} with TFLite's rounding")
    tvm.ir.register_op_attr(definition.full_name, "FInferType", _infer_type(definition))
    tvm.ir.register_op_attr(definition.full_name, "FPurity", True)


for _definition in _DEFS:
    _register(_definition)


def build_call(name: str, args: Sequence[relax.Expr], **attrs: Any) -> relax.Call:
    """Return a call of dialect operator `name`.

    Parameters
    ----------
    name : str
        Short name, a key of :data:`OPS`.
    args : sequence of relax.Expr
        In the order of ``OPS[name].arguments``.
    **attrs
        Exactly the attributes of ``OPS[name]``: ints, floats, bools, strings or lists of ints.

    Raises
    ------
    ValueError
        When arguments or attributes are missing or unknown.
    """
    definition = OPS[name]
    if len(args) != len(definition.arguments):
        raise ValueError(f"{name} takes {definition.arguments}, got {len(args)} arguments")
    if set(attrs) != set(definition.attributes):
        wrong = sorted(set(attrs) ^ set(definition.attributes))
        raise ValueError(f"{name}: attributes missing or unknown: {wrong}")
    plain = {k: list(map(int, v)) if isinstance(v, list | tuple) else v for k, v in attrs.items()}
    return relax.Call(
        tvm.ir.Op.get(definition.full_name), list(args), tvm.ir.make_node("ir.DictAttrs", **plain)
    )


def op_def(expr: Expr) -> OpDef | None:
    """Return the dialect's definition of a call's operator, or None when `expr` is anything else."""
    if isinstance(expr, relax.Call) and isinstance(expr.op, tvm.ir.Op) and expr.op.name.startswith(PREFIX):
        return OPS.get(expr.op.name[len(PREFIX) :])
    return None


def is_dialect_call(expr: Expr, name: str) -> bool:
    """Tell whether `expr` is a call of dialect operator `name`."""
    definition = op_def(expr)
    return definition is not None and definition.name == name
