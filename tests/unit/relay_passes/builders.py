"""Small functions in the integer dialect, written by hand, for before/after tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tvm
from tvm import relax

from relay_passes.dialect import build_call
from relay_passes.straight_line import FunctionBuilder, constant, replace_main


def var(name: str, shape: Sequence[int], dtype: str = "int8") -> Any:
    """Return a parameter."""
    return relax.Var(name, relax.TensorType(list(shape), dtype))


def module(
    params: Sequence[Any], write: Callable[[FunctionBuilder], list[Any]], attrs: dict[str, Any] | None = None
) -> Any:
    """Return a module whose main is what `write` emits; it returns the outputs."""
    builder = FunctionBuilder(params, attrs or {})
    outputs = write(builder)
    function = builder.finish(outputs, returns_tuple=len(outputs) > 1)
    return replace_main(tvm.IRModule({}), function)


def conv(
    data: Any,
    out_channels: int = 2,
    *,
    kernel: int = 3,
    padding: Sequence[int] = (0, 0, 0, 0),
    zero_point: int = -5,
    literals: Sequence[np.ndarray] | None = None,
    clamp: tuple[int, int] = (-128, 127),
) -> Any:
    """Return a dialect conv2d; `literals` are weight, bias, multiplier and shift, ones and such by default."""
    if literals is None:
        weight = np.ones((out_channels, kernel, kernel, int(data.ty.shape[3])), np.int8)
        literals = [weight, *(np.full(out_channels, v, np.int32) for v in (3, 1 << 30, -4))]
    return build_call(
        "conv2d",
        [data, *map(constant, literals)],
        strides=[1, 1],
        padding=list(padding),
        dilation=[1, 1],
        input_zero_point=zero_point,
        output_zero_point=7,
        act_min=clamp[0],
        act_max=clamp[1],
    )


def pad(data: Any, top: int, left: int, bottom: int, right: int, value: int = -5) -> Any:
    """Return a dialect pad of rows and columns."""
    return build_call("pad", [data], pad_width=[0, 0, top, bottom, left, right, 0, 0], pad_value=value)


def pool(kind: str, data: Any, padding=(0, 0, 0, 0), size: int = 2) -> Any:
    """Return a dialect pool."""
    return build_call(
        kind, [data], pool_size=[size, size], strides=[1, 1], padding=list(padding), act_min=-128, act_max=127
    )


def quantize(data: Any, scale: float = 0.5, zero_point: int = 3) -> Any:
    """Return a dialect quantize to int8."""
    return build_call("quantize", [data], scale=scale, zero_point=zero_point, dtype="int8")


def dequantize(data: Any, scale: float = 0.25, zero_point: int = -1) -> Any:
    """Return a dialect dequantize."""
    return build_call("dequantize", [data], scale=scale, zero_point=zero_point)


def lookup(data: Any, origin: str, dtype: str, shift: int = 0) -> Any:
    """Return a dialect lookup whose table is the identity plus `shift` between 8-bit types."""
    bounds = np.iinfo(str(data.ty.dtype))
    table = (np.arange(bounds.min, bounds.max + 1) + shift).astype(dtype)
    return build_call("lookup", [data, constant(table)], origin=origin, dtype=dtype)


def assert_same(actual: Any, expected: Any) -> None:
    """Compare the main functions of two modules, attributes left out."""
    strip = [
        f["main"].without_attr("tvm_patch.inputs").without_attr("tvm_patch.outputs")
        for f in (actual, expected)
    ]
    strip = [f.without_attr("tvm_patch.grids") for f in strip]
    tvm.ir.assert_structural_equal(*strip, map_free_vars=True)
