"""Every builder method makes an operator that LiteRT accepts, with the shape that LiteRT computes."""

from __future__ import annotations

import numpy as np
import pytest

from tvm_patch.errors import UserError
from tvm_patch.tflite.builder import ModelBuilder, window_extent
from tvm_patch.tflite.reader import read_model
from tvm_patch.tflite.writer import write_model

RNG = np.random.default_rng(7)


def weights(*shape: int) -> np.ndarray:
    return RNG.integers(-127, 128, shape).astype(np.int8)


def bias(channels: int) -> np.ndarray:
    return RNG.integers(-1000, 1000, channels).astype(np.int32)


PER_CHANNEL = RNG.uniform(0.005, 0.02, 6)
OPERATORS = {
    "conv": lambda b, x: b.conv2d(
        x, weights(6, 3, 3, 4), bias(6), PER_CHANNEL, 0.5, 3, stride=2, activation="RELU6"
    ),
    "conv_valid": lambda b, x: b.conv2d(
        x, weights(6, 3, 2, 4), bias(6), 0.01, 0.5, 3, stride=(1, 2), padding="VALID", dilation=(2, 1)
    ),
    "depthwise": lambda b, x: b.depthwise_conv2d(
        x, weights(1, 3, 3, 4), bias(4), PER_CHANNEL[:4], 0.5, 3, activation="RELU"
    ),
    "depthwise_multiplier": lambda b, x: b.depthwise_conv2d(
        x, weights(1, 5, 5, 8), bias(8), 0.01, 0.5, 3, stride=2
    ),
    "transpose_conv": lambda b, x: b.transpose_conv(
        x, weights(6, 3, 3, 4), bias(6), PER_CHANNEL, 0.5, 3, stride=2
    ),
    "transpose_conv_valid": lambda b, x: b.transpose_conv(
        x, weights(6, 3, 3, 4), None, 0.01, 0.5, 3, stride=(2, 1), padding="VALID"
    ),
    "fully_connected": lambda b, x: b.fully_connected(
        b.reshape(x, (1, -1)), weights(6, 9 * 7 * 4), bias(6), 0.01, 2.0, 3
    ),
    "fully_connected_keep": lambda b, x: b.fully_connected(
        x, weights(6, 4), bias(6), 0.01, 0.5, 3, keep_num_dims=True
    ),
    "add": lambda b, x: b.add(x, x, 0.1, 4, activation="RELU"),
    "add_constant": lambda b, x: b.add(x, b.constant("c", weights(4), 0.02, 3), 0.1, 4),
    "sub": lambda b, x: b.sub(x, b.constant("c", weights(1, 9, 7, 4), 0.02, 3), 0.1, 4),
    "mul": lambda b, x: b.mul(x, b.constant("c", weights(1, 1, 1, 4), 0.02, 3), 0.1, 4, activation="RELU6"),
    "maximum": lambda b, x: b.maximum(x, b.constant("c", weights(1, 9, 7, 4), 0.05, -3)),
    "minimum": lambda b, x: b.minimum(x, b.constant("c", weights(4), 0.05, -3)),
    "average_pool": lambda b, x: b.average_pool2d(x, 2),
    "average_pool_same": lambda b, x: b.average_pool2d(x, 3, stride=2, padding="SAME"),
    "max_pool": lambda b, x: b.max_pool2d(x, (3, 2), stride=(2, 1), padding="SAME", activation="RELU"),
    "mean": lambda b, x: b.mean(x, (1, 2), 0.01, 5),
    "mean_keep": lambda b, x: b.mean(x, (1, 2), keep_dims=True),
    "reduce_max": lambda b, x: b.reduce_max(x, (1, -2)),
    "pad": lambda b, x: b.pad(x, [(0, 0), (1, 2), (0, 1), (0, 0)]),
    "padv2": lambda b, x: b.padv2(x, [(0, 0), (1, 2), (0, 1), (0, 3)], 7),
    "reshape": lambda b, x: b.reshape(x, (3, -1, 2)),
    "squeeze": lambda b, x: b.squeeze(x, (0,)),
    "squeeze_all": lambda b, x: b.squeeze(x),
    "expand_dims": lambda b, x: b.expand_dims(x, -1),
    "transpose": lambda b, x: b.transpose(x, (0, 3, 1, 2)),
    "softmax": lambda b, x: b.softmax(x, 0.7),
    "logistic": lambda b, x: b.logistic(x),
    "tanh": lambda b, x: b.tanh(x),
    "hard_swish": lambda b, x: b.hard_swish(x, 0.04, -5),
    "relu": lambda b, x: b.relu(x, 0.03, -128),
    "relu6": lambda b, x: b.relu6(x),
    "relu_n1_to_1": lambda b, x: b.relu_n1_to_1(x),
    "leaky_relu": lambda b, x: b.leaky_relu(x, 0.1, 0.04, 9),
    "prelu": lambda b, x: b.prelu(x, weights(1, 1, 4), 0.01, 2, 0.05, 4),
    "concatenation": lambda b, x: b.concatenation([x, x, x], 3),
    "split": lambda b, x: b.split(x, 2, 3)[1],
    "split_v": lambda b, x: b.split_v(x, (2, 3, 4), 1)[2],
    "strided_slice": lambda b, x: b.strided_slice(x, (0, 1, 6, 0), (1, 9, 0, 4), (1, 2, -1, 1), end_mask=4),
    "strided_slice_shrink": lambda b, x: b.strided_slice(
        x, (0, 1, 0, 1), (1, 8, 2, 2), shrink_axis_mask=8, begin_mask=2
    ),
    "pack": lambda b, x: b.pack([x, x], 2),
    "gather": lambda b, x: b.gather(x, np.array([3, 0, 3]), -1),
    "tile": lambda b, x: b.tile(x, (1, 2, 1, 3)),
    "resize_nearest": lambda b, x: b.resize_nearest_neighbor(x, (18, 5), half_pixel_centers=True),
    "resize_bilinear": lambda b, x: b.resize_bilinear(x, (18, 14), align_corners=True),
    "arg_max": lambda b, x: b.arg_max(x),
    "quantize": lambda b, x: b.quantize(x, 0.1, 30),
    "dequantize": lambda b, x: b.dequantize(x),
    "quantize_float": lambda b, x: b.quantize(b.dequantize(x), 0.1, 0, dtype="uint8"),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_litert_runs_it(name, run_litert):
    builder = ModelBuilder(name)
    result = OPERATORS[name](builder, builder.input("x", (1, 9, 7, 4), 0.05, -3))
    builder.output(result)
    model = builder.finish()
    content = write_model(model)
    assert read_model(content) == model
    (output,) = run_litert(content)
    assert output.shape == builder.shape(result)
    assert str(output.dtype) == builder.dtype(result)
    assert len(np.unique(output)) > 2


def test_split_parts_keep_their_order(run_litert):
    builder = ModelBuilder()
    x = builder.input("x", (1, 6), 0.05)
    for part in builder.split_v(x, (1, 2, 3), 1):
        builder.output(part)
    assert [output.shape for output in run_litert(write_model(builder.finish()))] == [(1, 1), (1, 2), (1, 3)]


def test_bias_scale_is_input_times_weight():
    builder = ModelBuilder()
    x = builder.input("x", (1, 4, 4, 2), 0.1)
    builder.output(builder.conv2d(x, weights(3, 1, 1, 2), bias(3), [0.1, 0.2, 0.3], 1.0, 0))
    model = builder.finish()
    _, weight, offset = model.operators[0].inputs
    wanted = model.tensors[weight].quantization.scale * np.float32(0.1)
    assert np.array_equal(model.tensors[offset].quantization.scale, wanted)


@pytest.mark.parametrize(
    "make",
    [
        lambda b, x: b.conv2d(x, weights(2, 9, 9, 4), None, 0.1, 1.0, 0, padding="VALID"),
        lambda b, x: b.depthwise_conv2d(x, weights(1, 3, 3, 6), None, 0.1, 1.0, 0),
        lambda b, x: b.fully_connected(x, weights(3, 11), None, 0.1, 1.0, 0),
        lambda b, x: b.reshape(x, (5, -1)),
        lambda b, x: b.squeeze(x, (1,)),
        lambda b, x: b.split(x, 3, 3),
        lambda b, x: b.operator("RELU", [x], [x], {"alpha": 1}),
        lambda b, x: b.average_pool2d(x, 2, padding="FULL"),
        lambda b, x: b.tensor("t", (1,), "int5"),
        lambda b, x: b.logistic(b.conv2d(b.dequantize(x), weights(2, 1, 1, 4), None, 0.1, 1.0, 0)),
    ],
)
def test_impossible_operators_are_refused(make):
    builder = ModelBuilder()
    x = builder.input("x", (1, 6, 6, 4), 0.05)
    with pytest.raises(UserError):
        make(builder, x)


def test_window_extent():
    assert window_extent(7, 3, 2, "SAME") == 4
    assert window_extent(7, 3, 2, "VALID") == 3
    assert window_extent(7, 3, 1, "VALID", dilation=3) == 1
