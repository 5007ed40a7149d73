"""Convolutions and FULLY_CONNECTED against BUILTIN_REF, bit for bit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from lone import (
    Op,
    activations,
    axis_padding,
    constant,
    examples,
    litert,
    random_int8,
    random_scale,
    random_zero_point,
    reference,
    seeds,
    tensor,
)

from tvm_patch.integer import activation_range, conv_multipliers, fully_connected_multipliers


@dataclass
class Numbers:
    """Weights and quantization of one example."""

    rng: np.random.Generator
    input_scale: float
    input_zero_point: int
    output_scale: float
    output_zero_point: int
    weight: np.ndarray
    weight_scale: np.ndarray
    bias: np.ndarray | None

    @property
    def bias_scale(self) -> np.ndarray:
        return np.float32(self.input_scale) * self.weight_scale

    def attrs(self, activation: str) -> dict[str, int]:
        low, high = activation_range(activation, self.output_scale, self.output_zero_point)
        return {
            "input_zero_point": self.input_zero_point,
            "output_zero_point": self.output_zero_point,
            "act_min": low,
            "act_max": high,
        }

    def constants(self, channels: int, dense: bool = False) -> dict[str, np.ndarray]:
        make = fully_connected_multipliers if dense else conv_multipliers
        multiplier, shift = make(self.input_scale, self.weight_scale, self.output_scale, channels)
        bias = np.zeros(channels, np.int32) if self.bias is None else self.bias
        return {"weight": self.weight, "bias": bias, "multiplier": multiplier, "shift": shift}


def numbers(
    seed: int,
    weight_shape: tuple[int, ...],
    channels: int,
    depth: int,
    per_channel: bool,
    biased: bool = False,
) -> Numbers:
    """Return random weights of `depth` products per output, scaled so that most outputs are not clamped."""
    rng = np.random.default_rng(seed)
    weight = np.maximum(random_int8(rng, weight_shape), -127).astype(np.int8)
    weight_scale = np.array(
        [random_scale(rng, 1e-4, 1e-1) for _ in range(channels if per_channel else 1)], np.float32
    )
    if per_channel and channels > 1 and rng.random() < 0.2:
        # Batch normalization folded into the weights leaves such scales in real networks.
        weight_scale[rng.integers(weight_scale.size)] *= -1
    input_scale = random_scale(rng)
    spread = input_scale * float(np.abs(weight_scale).max()) * 70 * 70 * np.sqrt(depth) / 60
    output_scale = float(np.float32(spread * np.exp(rng.uniform(-2.5, 2.5))))
    bias = None
    if biased or rng.random() < 0.8:
        bias = rng.integers(-(2**13), 2**13, channels).astype(np.int32)
    return Numbers(
        rng,
        input_scale,
        random_zero_point(rng),
        output_scale,
        random_zero_point(rng),
        weight,
        weight_scale,
        bias,
    )


def check(  # one call a kind: the model and the dialect's operator side by side
    n: Numbers,
    kind: str,
    op: Op,
    data: np.ndarray,
    out_shape: tuple[int, ...],
    weight_axis: int,
    before: tuple[np.ndarray, ...] = (),
    **options: object,
) -> None:
    weight = constant(n.weight, n.weight_scale, axis=weight_axis)
    bias = None if n.bias is None else constant(n.bias, n.bias_scale)
    source = tensor(data.shape, n.input_scale, n.input_zero_point)
    sink = tensor(out_shape, n.output_scale, n.output_zero_point)
    if kind == "TRANSPOSE_CONV":
        operands = [constant(before[0]), weight, source] + ([] if bias is None else [bias])
    else:
        operands = [source, weight] + ([] if bias is None else [bias])
    expected = litert(kind, operands, [sink], [data], **options)
    actual = reference(op, data)
    assert actual.dtype == np.int8
    np.testing.assert_array_equal(actual, expected)


geometry = st.fixed_dictionaries(
    {
        "size": st.tuples(st.integers(1, 11), st.integers(1, 11)),
        "kernel": st.tuples(st.integers(1, 5), st.integers(1, 5)),
        "stride": st.tuples(st.integers(1, 3), st.integers(1, 3)),
        "dilation": st.tuples(st.integers(1, 3), st.integers(1, 3)),
        "padding": st.sampled_from(["SAME", "VALID"]),
        "activation": activations,
        "per_channel": st.booleans(),
        "batch": st.sampled_from([1, 1, 1, 2]),
    }
)


def windows(g: dict) -> tuple[tuple[int, int], list[int]]:
    """Return the output's (height, width) and (top, left, bottom, right)."""
    axes = [
        axis_padding(g["padding"], g["size"][i], g["kernel"][i], g["stride"][i], g["dilation"][i])
        for i in range(2)
    ]
    (out_h, top, bottom), (out_w, left, right) = axes
    assume(out_h > 0 and out_w > 0)
    return (out_h, out_w), [top, left, bottom, right]


def window_attrs(g: dict, padding: list[int]) -> dict:
    return {"strides": list(g["stride"]), "padding": padding, "dilation": list(g["dilation"])}


def window_options(g: dict) -> dict:
    return {
        "padding": g["padding"],
        "stride_h": g["stride"][0],
        "stride_w": g["stride"][1],
        "dilation_h_factor": g["dilation"][0],
        "dilation_w_factor": g["dilation"][1],
        "fused_activation_function": g["activation"],
    }


@examples(400)
@given(
    g=geometry,
    channels=st.integers(1, 9),
    group_in=st.integers(1, 7),
    groups=st.sampled_from([1, 1, 1, 2, 3]),
    seed=seeds,
)
def test_conv2d(g: dict, channels: int, group_in: int, groups: int, seed: int) -> None:
    out_hw, padding = windows(g)
    out_channels = channels * groups
    n = numbers(
        seed,
        (out_channels, *g["kernel"], group_in),
        out_channels,
        group_in * g["kernel"][0] * g["kernel"][1],
        g["per_channel"],
        biased=True,  # LiteRT refuses CONV_2D without one
    )
    data = random_int8(n.rng, (g["batch"], *g["size"], group_in * groups))
    op = Op("conv2d", {**window_attrs(g, padding), **n.attrs(g["activation"])}, n.constants(out_channels))
    check(n, "CONV_2D", op, data, (g["batch"], *out_hw, out_channels), 0, **window_options(g))


@examples(400)
@given(g=geometry, in_channels=st.integers(1, 6), depth_multiplier=st.integers(1, 3), seed=seeds)
def test_depthwise_conv2d(g: dict, in_channels: int, depth_multiplier: int, seed: int) -> None:
    out_hw, padding = windows(g)
    channels = in_channels * depth_multiplier
    taps = g["kernel"][0] * g["kernel"][1]
    n = numbers(seed, (1, *g["kernel"], channels), channels, taps, g["per_channel"])
    data = random_int8(n.rng, (g["batch"], *g["size"], in_channels))
    op = Op(
        "depthwise_conv2d", {**window_attrs(g, padding), **n.attrs(g["activation"])}, n.constants(channels)
    )
    check(
        n,
        "DEPTHWISE_CONV_2D",
        op,
        data,
        (g["batch"], *out_hw, channels),
        3,
        depth_multiplier=depth_multiplier,
        **window_options(g),
    )


@examples(300)
@given(
    g=geometry,
    channels=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    extra=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    seed=seeds,
)
def test_transpose_conv2d(g: dict, channels: tuple[int, int], extra: tuple[int, int], seed: int) -> None:
    in_channels, out_channels = channels
    out_hw, padding = [], []
    for i in range(2):
        # Every output size whose forward convolution has the input's size is allowed.
        size, kernel, stride = g["size"][i], g["kernel"][i], g["stride"][i]
        out = (size - 1) * stride + (kernel if g["padding"] == "VALID" else 1) + min(extra[i], stride - 1)
        assert axis_padding(g["padding"], out, kernel, stride)[0] == size
        out_hw.append(out)
        padding.append(axis_padding(g["padding"], out, kernel, stride)[1:])
    n = numbers(
        seed,
        (out_channels, *g["kernel"], in_channels),
        out_channels,
        in_channels * g["kernel"][0] * g["kernel"][1],
        g["per_channel"],
    )
    data = random_int8(n.rng, (g["batch"], *g["size"], in_channels))
    shape = (g["batch"], *out_hw, out_channels)
    (top, bottom), (left, right) = padding
    attrs = {
        "strides": list(g["stride"]),
        "padding": [top, left, bottom, right],
        "output_shape": list(shape),
    }
    op = Op("transpose_conv2d", {**attrs, **n.attrs(g["activation"])}, n.constants(out_channels))
    options = {k: v for k, v in window_options(g).items() if not k.startswith("dilation")}
    check(n, "TRANSPOSE_CONV", op, data, shape, 0, before=(np.array(shape, np.int32),), **options)


@examples(400)
@given(
    rows=st.integers(1, 4),
    depth=st.integers(1, 70),
    channels=st.integers(1, 12),
    per_channel=st.booleans(),
    keep=st.booleans(),
    activation=activations,
    seed=seeds,
)
def test_fully_connected(
    rows: int, depth: int, channels: int, per_channel: bool, keep: bool, activation: str, seed: int
) -> None:
    n = numbers(seed, (channels, depth), channels, depth, per_channel)
    data = random_int8(n.rng, (1, rows, depth) if keep else (rows, depth))
    shape = (*data.shape[:-1], channels)
    attrs = {"output_shape": list(shape), **n.attrs(activation)}
    op = Op("fully_connected", attrs, n.constants(channels, dense=True))
    check(
        n,
        "FULLY_CONNECTED",
        op,
        data,
        shape,
        0,
        keep_num_dims=keep,
        fused_activation_function=activation,
        weights_format="DEFAULT",
    )
