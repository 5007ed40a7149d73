"""The table of the dialect's operators, their registration with TVM and their calls.

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
from functools import cache
from typing import Any

import tvm
from tvm import relax

from relay_passes.dialect.reference import Array, Operator
from relay_passes.dialect.shapes import Shape
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
    reference : callable
        The executable specification: the output in numpy, bit-exact with LiteRT's BUILTIN_REF, from the operator and
        all its arguments by name.
    dtype : str
        Output dtype, where no attribute says it.
    dtype_from : str or None
        The attribute that says it.
    """

    name: str
    arguments: tuple[str, ...]
    constants: tuple[str, ...]
    attributes: tuple[str, ...]
    infer_shape: Callable[[Sequence[Shape], Mapping[str, Any]], Shape]
    reference: Callable[[Operator, dict[str, Array]], Array]
    dtype: str = "int8"
    dtype_from: str | None = None

    @property
    def full_name(self) -> str:
        """Name under which TVM knows the operator."""
        return PREFIX + self.name


OPS: dict[str, OpDef] = {}
"""Every operator of the dialect by its short name."""


def define(*definitions: OpDef) -> None:
    """Add operators to the dialect and tell TVM of them."""
    for definition in definitions:
        OPS[definition.name] = definition
        _register(definition)


def _infer_type(definition: OpDef) -> Callable[[relax.Call, relax.BlockBuilder], relax.TensorType]:
    def infer(call: relax.Call, _: relax.BlockBuilder) -> relax.TensorType:
        argument_shapes = [tuple(int(d) for d in a.ty.shape) for a in call.args]
        source = definition.dtype_from
        dtype = definition.dtype if source is None else str(call.attrs[source])
        return relax.TensorType(list(definition.infer_shape(argument_shapes, call.attrs)), dtype)

    return infer


@cache
def _known() -> set[str]:
    """Return what TVM had before any of ours; it takes a while to tell."""
    return set(tvm.ir.Op.list_op_names())


def _register(definition: OpDef) -> None:
    if definition.full_name in _known():
        return
    tvm.ir.op._ffi_api.RegisterOp(definition.full_name, f"integer {definition.name} with TFLite's rounding")
    tvm.ir.register_op_attr(definition.full_name, "FInferType", _infer_type(definition))
    tvm.ir.register_op_attr(definition.full_name, "FPurity", True)


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
