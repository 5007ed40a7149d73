"""Random convolutions: geometry, and rescaling parameters from the usual to the extreme."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tests.unit.kernels.batch import Case, make_case

Rng = np.random.Generator
RESCALINGS = ("network", "network", "network", "short", "mixed", "steep", "left", "exact", "extreme")
"""Families of (multiplier, shift): what networks have; some negative; one channel each way; one steeper than the
others; all left; no shift; anything."""


def int8(rng: Rng, *shape: int) -> np.ndarray:
    """Return int8 data; one case in four has only the extremes, where sums are largest."""
    if rng.integers(4) == 0:
        return rng.choice(np.array([-128, 127], np.int8), shape)
    return rng.integers(-128, 128, shape, dtype=np.int8)


def rescaling(rng: Rng, channels: int, reduction: int) -> dict[str, np.ndarray]:
    """Return bias, multiplier and shift such that outputs are neither all saturated nor (usually) constant."""
    family = RESCALINGS[rng.integers(len(RESCALINGS))]
    typical = 128 * 74 * np.sqrt(reduction)  # spread of an accumulator
    usual = -int(np.log2(typical / 64)) - rng.integers(-1, 3, channels)
    shift = {
        "network": np.minimum(usual, -1),
        "short": usual,
        "mixed": np.where(rng.integers(3, size=channels) == 0, rng.integers(-3, 4, channels), usual),
        "steep": np.where(np.arange(channels) == channels // 2, rng.integers(-2, 3), np.minimum(usual, -3)),
        "left": rng.integers(0, 8, channels),
        "exact": np.zeros(channels, int),
        "extreme": rng.integers(-31, 31, channels),
    }[family]
    multiplier = rng.integers(1 << 30, 1 << 31, channels)
    multiplier = np.where(
        rng.integers(12, size=channels) == 0, rng.choice([0, 1 << 30, (1 << 31) - 1]), multiplier
    )
    negative = (rng.integers(12, size=channels) == 0) & (family not in ("network", "steep"))
    multiplier = np.where(negative, -multiplier, multiplier)
    reach = 1 << 30 if family == "extreme" else int(typical)
    return {
        "bias": rng.integers(-reach, reach, channels).astype(np.int32),
        "multiplier": multiplier.astype(np.int32),
        "shift": shift.astype(np.int32),
    }


def exact_rescaling(rng: Rng, channels: int, reduction: int) -> dict[str, np.ndarray]:
    """Return bias and the 53-bit pairs of FULLY_CONNECTED; one operator in four has powers of two, full of ties."""
    pair = rescaling(rng, channels, reduction)
    low = rng.integers(0, 1 << 22, channels)
    multiplier = (np.abs(pair["multiplier"].astype(np.int64)) << 22) + np.where(
        pair["multiplier"] == 0, 0, low
    )
    shift = np.clip(pair["shift"], -32, 29)
    if rng.integers(4) == 0:
        multiplier, shift = np.full(channels, 1 << 52), np.minimum(shift, -1)
    return {"bias": pair["bias"], "multiplier": multiplier, "shift": shift.astype(np.int32)}


def zero_points(rng: Rng) -> dict[str, int]:
    """Return zero points and a clamp, often the whole of int8."""
    low, high = sorted(rng.integers(-128, 128, 2).tolist())
    if rng.integers(2):
        low, high = -128, 127
    ends = [-128, 127, 0, int(rng.integers(-128, 128))]
    return {
        "input_zero_point": int(rng.choice(ends)),
        "output_zero_point": int(rng.choice(ends)),
        "act_min": low,
        "act_max": high,
    }


def window(rng: Rng, size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Return padding before and after an axis: none, SAME, or anything that leaves an output."""
    reach = (kernel - 1) * dilation + 1
    choice = rng.integers(3)
    if choice == 0 and size >= reach:
        return 0, 0
    if choice == 1:
        total = max(0, (-(-size // stride) - 1) * stride + reach - size)
        return total // 2, total - total // 2
    before, after = (int(v) for v in rng.integers(0, reach + 1, 2))
    return before, max(after, reach - size - before)


def pick(rng: Rng, values: Sequence[int]) -> int:
    """Return one of `values`."""
    return int(values[rng.integers(len(values))])


def _kernel(rng: Rng) -> tuple[int, int]:
    if rng.integers(8) == 0:
        return ((7, 7), (10, 4), (11, 1), (1, 8))[rng.integers(4)]
    return pick(rng, (1, 2, 3, 3, 5)), pick(rng, (1, 2, 3, 3, 5))


def _forward(rng: Rng, height: int, width: int, kernel: tuple[int, int]) -> dict[str, list[int]]:
    strides = [pick(rng, (1, 1, 2, 3)), pick(rng, (1, 1, 2, 3))]
    dilation = [pick(rng, (1, 1, 1, 2, 3)), pick(rng, (1, 1, 1, 2, 3))]
    top, bottom = window(rng, height, kernel[0], strides[0], dilation[0])
    left, right = window(rng, width, kernel[1], strides[1], dilation[1])
    return {"strides": strides, "dilation": dilation, "padding": [top, left, bottom, right]}


def conv2d(rng: Rng) -> Case:
    """Any k×k convolution, with groups."""
    height, width = pick(rng, (1, 2, 5, 8)), pick(rng, (1, 2, 5, 8, 9))
    kernel = _kernel(rng)
    groups = pick(rng, (1, 1, 1, 2, 3))
    group_in, group_out = pick(rng, (1, 2, 3, 4, 5, 7, 8, 13)), pick(rng, (1, 2, 3, 4, 5))
    data, weight = (
        int8(rng, 1, height, width, groups * group_in),
        int8(rng, groups * group_out, *kernel, group_in),
    )
    constants = {"weight": weight, **rescaling(rng, weight.shape[0], weight[0].size)}
    return make_case(
        "conv2d", [data], {**_forward(rng, height, width, kernel), **zero_points(rng)}, constants
    )


def pointwise(rng: Rng) -> Case:
    """A 1×1 convolution."""
    height, width = pick(rng, (1, 2, 3)), pick(rng, (1, 2, 3, 7, 12))
    inputs, outputs = pick(rng, (1, 3, 4, 8, 13, 16, 19, 24, 40, 67)), pick(rng, (1, 2, 3, 4, 7, 8, 16))
    data, weight = int8(rng, 1, height, width, inputs), int8(rng, outputs, 1, 1, inputs)
    constants = {"weight": weight, **rescaling(rng, outputs, inputs)}
    geometry = {"strides": [pick(rng, (1, 1, 2)), pick(rng, (1, 1, 2))], "dilation": [1, 1]}
    padding = [int(v) for v in rng.integers(0, 2, 4)] if rng.integers(6) == 0 else [0, 0, 0, 0]
    return make_case("conv2d", [data], {**geometry, "padding": padding, **zero_points(rng)}, constants)


def depthwise(rng: Rng) -> Case:
    """Any depthwise convolution, with multipliers."""
    height, width = pick(rng, (1, 2, 5, 8)), pick(rng, (1, 2, 5, 8, 9))
    kernel = _kernel(rng)
    multiplier = pick(rng, (1, 1, 1, 2, 3, 4, 8))
    channels = pick(rng, (1, 2, 3, 4, 5, 7, 8, 12, 18))
    data, weight = int8(rng, 1, height, width, channels), int8(rng, 1, *kernel, channels * multiplier)
    constants = {"weight": weight, **rescaling(rng, weight.shape[3], kernel[0] * kernel[1])}
    attrs = {**_forward(rng, height, width, kernel), **zero_points(rng)}
    return make_case("depthwise_conv2d", [data], attrs, constants)


def steep_and_fine(rng: Rng) -> Case:
    """A depthwise convolution with steep channels and such fine ones that no rescaling suits both."""
    channels, columns = int(rng.integers(16, 28)), pick(rng, (1, 2, 3, 5))
    height, width = int(rng.integers(3, 6)), int(rng.integers(max(2, columns), 9))
    weight = rng.integers(1, 128, (1, 3, columns, channels)).astype(np.int8)
    shift = rng.integers(-8, -4, channels)
    shift[rng.permutation(channels)[: rng.integers(1, 3)]] = 0
    fine = rng.permutation(np.flatnonzero(shift))[:4]
    # As fine as the sums that fill int8: every one of their hundred thousands counts.
    shift[fine] = -np.ceil(np.log2(weight[0].sum(axis=(0, 1))[fine].astype(int))).astype(int)
    constants = {
        "weight": weight,
        "bias": rng.integers(-2000, 2000, channels).astype(np.int32),
        "multiplier": rng.integers(1 << 30, 1 << 31, channels).astype(np.int32),
        "shift": shift.astype(np.int32),
    }
    attrs = {"strides": [1, 1], "dilation": [1, 1], "padding": [1, columns // 2, 1, columns // 2]}
    attrs |= {"input_zero_point": -128, "output_zero_point": -128, "act_min": -128, "act_max": 127}
    data = rng.integers(-128, 128, (1, height, width, channels), dtype=np.int8)
    return make_case("depthwise_conv2d", [data], attrs, constants)


def depthwise_of(width: int, stride: int) -> Case:
    """A 3×3 depthwise convolution as networks have them."""
    weight = np.ones((1, 3, 3, 8), np.int8)
    constants = {"weight": weight, "bias": np.zeros(8, np.int32)}
    constants |= {"multiplier": np.full(8, 3 << 29, np.int32), "shift": np.full(8, -5, np.int32)}
    attrs = {"strides": [stride, stride], "dilation": [1, 1], "padding": [1, 1, 1, 1]}
    attrs |= {"input_zero_point": 0, "output_zero_point": -128, "act_min": -128, "act_max": 127}
    return make_case("depthwise_conv2d", [np.ones((1, 3, width, 8), np.int8)], attrs, constants)


def fully_connected(rng: Rng) -> Case:
    """Any matrix, one or several rows of data."""
    rows, inputs = pick(rng, (1, 1, 1, 2, 3)), pick(rng, (1, 2, 4, 7, 16, 31, 64, 130))
    outputs = pick(rng, (1, 2, 3, 4, 5, 10, 12))
    data, weight = int8(rng, rows, inputs), int8(rng, outputs, inputs)
    constants = {"weight": weight, **exact_rescaling(rng, outputs, inputs)}
    if rows == 1 and rng.integers(3) == 0:
        data = data.reshape(1, 1, 1, inputs)
    return make_case(
        "fully_connected", [data], {"output_shape": [rows, outputs], **zero_points(rng)}, constants
    )


def transpose(rng: Rng) -> Case:
    """A transposed convolution: SAME, VALID, or an output larger than what the patches reach."""
    height, width = pick(rng, (1, 2, 3, 5)), pick(rng, (1, 2, 3, 5))
    kernel = (pick(rng, (1, 2, 3, 4, 5)), pick(rng, (1, 2, 3, 4, 5)))
    strides = [pick(rng, (1, 2, 2, 3)), pick(rng, (1, 2, 2, 3))]
    inputs, outputs = pick(rng, (1, 3, 4, 5, 8, 13)), pick(rng, (1, 2, 3, 4, 5, 8))
    padding, shape = [0, 0, 0, 0], [1, 1, 1, outputs]
    for axis, size in enumerate((height, width)):
        k, s = kernel[axis], strides[axis]
        if rng.integers(2):
            extent, before = size * s, max(k - s, 0) // 2
        else:
            extent, before = (size - 1) * s + k + pick(rng, (0, 0, 0, 2)), 0
        padding[axis], shape[1 + axis] = before, extent
        padding[2 + axis] = max(0, (size - 1) * s + k - extent - before)
    data, weight = int8(rng, 1, height, width, inputs), int8(rng, outputs, *kernel, inputs)
    constants = {"weight": weight, **rescaling(rng, outputs, weight[0].size)}
    attrs = {"strides": strides, "padding": padding, "output_shape": shape, **zero_points(rng)}
    return make_case("transpose_conv2d", [data], attrs, constants)


def batch_of(make: Callable[[Rng], Case], seed: int, count: int) -> list[Case]:
    """Return `count` cases; sums that leave int32, which the reference refuses, are drawn again."""
    rng, cases = np.random.default_rng(seed), []
    while len(cases) < count:
        try:
            cases.append(make(rng))
        except ValueError as error:
            if "leaves int32" not in str(error):
                raise
    return cases
