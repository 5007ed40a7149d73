"""What convolutions and fully connected operators share: bias, multipliers and the clamp of the output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from relay_passes.dialect.reference import Array, Operator
from relay_passes.island import Island
from relay_passes.quant_values import QuantConstant, QuantTensor
from relay_passes.straight_line import constant, op_name
from tvm_patch.integer import conv_multipliers, float_clip_range, multiply_by_quantized_multiplier
from tvm_patch.tvm_types import Expr

Float64Array = npt.NDArray[np.float64]

CONSTANTS = ("weight", "bias", "multiplier", "shift")
ZERO_POINTS = ("input_zero_point", "output_zero_point", "act_min", "act_max")


@dataclass(frozen=True)
class Weighted:
    """A linear operator taken apart.

    Attributes
    ----------
    call : relax.Call
        The float operator.
    data : QuantTensor
    weight : QuantConstant
        In the layout of `call`.
    bias : ndarray or None
        int32, one a channel.
    """

    call: Expr
    data: QuantTensor
    weight: QuantConstant
    bias: np.ndarray | None


def match_weighted(island: Island, kind: str) -> Weighted | None:
    """Match ``kind(data, weight)``, with or without an ``add`` of a bias, at the root of `island`."""
    body = island.body
    if op_name(body) == kind:
        return _weighted(island, body, None)
    if op_name(body) != "relax.add":
        return None
    for call, bias in ((body.args[0], body.args[1]), (body.args[1], body.args[0])):
        definition = island.definition(call)
        if op_name(definition) == kind:
            return _weighted(island, definition, bias)
    return None


def _weighted(island: Island, call: Expr, bias: Expr | None) -> Weighted | None:
    data, weight = island.operand(call.args[0]), island.weights(call.args[1])
    if data is None or weight is None:
        return None
    if weight.zero_point != 0 or weight.value.dtype != np.int8:
        raise island.refuse(
            f"weights of dtype {weight.value.dtype} with zero point {weight.zero_point}",
            "convert the network again with int8 weights of zero point 0 (TFLite's quantization since 2019)",
        )
    if bias is None:
        return Weighted(call, data, weight, None)
    literal = island.weights(bias)
    if literal is None:
        return None
    _check_bias(island, literal)
    return Weighted(call, data, weight, literal.value.reshape(-1).astype(np.int32))


def _check_bias(island: Island, bias: QuantConstant) -> None:
    # The scale of the bias is not looked at: the kernels add its integers as they are, and files exist in which
    # several operators share one bias tensor (micronet-ad-s).
    if bias.value.dtype != np.int32 or bias.zero_point != 0:
        raise island.refuse(
            f"a bias of dtype {bias.value.dtype} with zero point {bias.zero_point}",
            "quantize the network with TFLite's int8 scheme",
        )


def int8_only(island: Island, *tensors: QuantTensor) -> None:
    """Refuse anything but int8 activations (the output's included)."""
    for dtype in (*(t.dtype for t in tensors), island.out.dtype):
        if dtype != "int8":
            raise island.refuse(
                f"{dtype} activations",
                "quantize the network to int8 (uint8 and int16 kernels do not exist here)",
            )


def clamp(island: Island) -> dict[str, int]:
    """Return ``act_min`` and ``act_max`` of the island's output."""
    low, high = float_clip_range(
        *island.clip_range, island.out.scale, island.out.zero_point, island.out.dtype
    )
    return {"act_min": low, "act_max": high}


def constants_of(
    island: Island,
    weighted: Weighted,
    weight: np.ndarray,
    pairs: tuple[np.ndarray, np.ndarray] | None = None,
) -> list[Expr]:
    """Return the literals weight, bias, multiplier and shift in the dialect's order.

    Parameters
    ----------
    island, weighted
        The match.
    weight : ndarray
        Weights in the dialect's layout; the bias has as many entries as there are output channels.
    pairs : tuple of ndarray, optional
        Multipliers and shifts, where they are not a convolution's.
    """
    channels = island.out_shape[-1]
    if weighted.bias is not None and weighted.bias.size != channels:
        raise island.refuse(f"{weighted.bias.size} biases for {channels} channels")
    bias = weighted.bias if weighted.bias is not None else np.zeros(channels, np.int32)
    multiplier, shift = pairs or conv_multipliers(
        weighted.data.scale, weighted.weight.scales, island.out.scale, channels
    )
    return [constant(weight), constant(bias), constant(multiplier), constant(shift)]


def zero_points(island: Island, weighted: Weighted) -> dict[str, int]:
    """Return the attributes for zero points and clamp that all weighted operators have."""
    return {
        "input_zero_point": weighted.data.zero_point,
        "output_zero_point": island.out.zero_point,
        **clamp(island),
    }


def four_paddings(padding: Sequence[Any]) -> list[int]:
    """Return (top, left, bottom, right) from Relax's 1, 2 or 4 numbers."""
    values = [int(p) for p in padding]
    if len(values) == 1:
        return values * 4
    return values * 2 if len(values) == 2 else values


# ---------------------------------------------------------------------- specification


def centred(op: Operator, data: Array) -> Float64Array:
    """Return int8 data less its zero point."""
    return data.astype(np.float64) - int(op.attrs["input_zero_point"])


def rescale(op: Operator, args: dict[str, Array], acc: Float64Array) -> Array:
    """Return accumulators without bias as the int8 output."""
    total = total_of(op, args, acc)
    scaled = multiply_by_quantized_multiplier(total, args["multiplier"], args["shift"])
    return clamped(op, scaled.astype(np.int64))


def total_of(op: Operator, args: dict[str, Array], acc: Float64Array) -> npt.NDArray[np.int64]:
    """Return accumulators with bias; ValueError where one leaves int32."""
    total = acc.astype(np.int64) + args["bias"].astype(np.int64)
    if total.size and np.abs(total).max() >= 2**31:
        raise ValueError(f"{op.kind}: an accumulator leaves int32")
    return total


def clamped(op: Operator, scaled: npt.NDArray[np.int64]) -> Array:
    """Return rescaled values with their zero point, clamped."""
    low, high = int(op.attrs["act_min"]), int(op.attrs["act_max"])
    return np.minimum(np.maximum(scaled + int(op.attrs["output_zero_point"]), low), high).astype(np.int8)
