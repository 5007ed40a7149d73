"""Single-operator models, their import by both frontends, and their evaluation in the integer dialect."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tflite
from tvm.relax.frontend.tflite import from_tflite

from relay_passes.dialect import evaluate
from relay_passes.extract_graph import extract_graph
from tvm_patch.frontend import import_tflite
from tvm_patch.tflite.builder import ModelBuilder
from tvm_patch.tflite.model import Model
from tvm_patch.tflite.writer import write_model

Build = Callable[[ModelBuilder, int, np.random.Generator], int | list[int]]


def _weights(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(-127, 128, shape).astype(np.int8)


def _bias(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.integers(-3000, 3000, count).astype(np.int32)


def _scales(rng: np.random.Generator, count: int) -> list[float]:
    return rng.uniform(0.002, 0.01, count).astype(np.float32).tolist()


def _other(
    m: ModelBuilder, rng: np.random.Generator, shape: Sequence[int], scale: float, zero_point: int
) -> int:
    return m.constant("other", _weights(rng, *shape), scale, zero_point)


# Every builder gets a model with input x of shape (1, 6, 7, 4), scale 0.05, zero point -3.
SHAPE, SCALE, ZERO_POINT = (1, 6, 7, 4), 0.05, -3

STOCK_TOO: dict[str, Build] = {
    "conv2d_same_relu6": lambda m, x, r: m.conv2d(
        x, _weights(r, 5, 3, 3, 4), _bias(r, 5), _scales(r, 5), 0.05, -10, stride=2, activation="RELU6"
    ),
    "conv2d_per_tensor_dilated": lambda m, x, r: m.conv2d(
        x, _weights(r, 5, 3, 3, 4), _bias(r, 5), 0.004, 0.06, 4, dilation=2, activation="RELU"
    ),
    "depthwise": lambda m, x, r: m.depthwise_conv2d(
        x, _weights(r, 1, 3, 3, 4), _bias(r, 4), _scales(r, 4), 0.05, -10, activation="RELU"
    ),
    "depthwise_multiplier": lambda m, x, r: m.depthwise_conv2d(
        x, _weights(r, 1, 3, 2, 12), _bias(r, 12), _scales(r, 12), 0.05, 9, stride=2
    ),
    "transpose_conv": lambda m, x, r: m.transpose_conv(
        x, _weights(r, 3, 3, 3, 4), _bias(r, 3), _scales(r, 3), 0.09, 2, stride=2
    ),
    "transpose_conv_valid": lambda m, x, r: m.transpose_conv(
        x, _weights(r, 3, 2, 4, 4), None, _scales(r, 3), 0.09, 2, stride=2, padding="VALID"
    ),
    "add_relu": lambda m, x, r: m.add(x, _other(m, r, SHAPE, 0.02, 7), 0.06, -100, activation="RELU"),
    "add_itself": lambda m, x, r: m.add(x, x, 0.09, 1),
    "add_broadcast": lambda m, x, r: m.add(x, _other(m, r, (1, 1, 1, 4), 0.02, 7), 0.06, -1),
    "sub": lambda m, x, r: m.sub(x, _other(m, r, SHAPE, 0.02, 7), 0.06, -1, activation="RELU_N1_TO_1"),
    "mul_relu6": lambda m, x, r: m.mul(
        x, _other(m, r, (1, 1, 1, 4), 0.02, 7), 0.05, -120, activation="RELU6"
    ),
    "average_pool": lambda m, x, r: m.average_pool2d(x, 3, stride=2, padding="SAME", activation="RELU"),
    "max_pool": lambda m, x, r: m.max_pool2d(x, 3, stride=2, padding="SAME", activation="RELU6"),
    "mean": lambda m, x, r: m.mean(x, [1, 2], 0.03, 5),
    "mean_keep": lambda m, x, r: m.mean(x, [-2], keep_dims=True),
    "relu": lambda m, x, r: m.relu(x, 0.03, -128),
    "relu6": lambda m, x, r: m.relu6(x, 0.03, -128),
    "relu_n1_to_1": lambda m, x, r: m.relu_n1_to_1(x, 0.03, 0),
    "leaky_relu": lambda m, x, r: m.leaky_relu(x, 0.2, 0.04, 5),
    "hard_swish": lambda m, x, r: m.hard_swish(x, 0.04, -100),
    "logistic": lambda m, x, r: m.logistic(x),
    "tanh": lambda m, x, r: m.tanh(x),
    "softmax": lambda m, x, r: m.softmax(x),
    "quantize": lambda m, x, r: m.quantize(x, 0.07, 11),
    "quantize_uint8": lambda m, x, r: m.quantize(x, 0.05, 125, dtype="uint8"),
    "dequantize": lambda m, x, r: m.dequantize(x),
    "reshape": lambda m, x, r: m.reshape(x, (2, 84)),
    "concatenation": lambda m, x, r: m.concatenation([x, x], 3),
    "fully_connected": lambda m, x, r: m.fully_connected(
        m.reshape(x, (1, 168)), _weights(r, 5, 168), _bias(r, 5), 0.003, 0.2, 1, activation="RELU"
    ),
    "resize_bilinear": lambda m, x, r: m.resize_bilinear(x, (11, 9), half_pixel_centers=True),
}
"""What both frontends import, alike."""

OURS_ONLY: dict[str, Build] = {
    "fully_connected_4d": lambda m, x, r: m.fully_connected(
        x, _weights(r, 5, 168), _bias(r, 5), 0.003, 0.2, 1
    ),
    "fully_connected_keep": lambda m, x, r: m.fully_connected(
        x, _weights(r, 5, 4), _bias(r, 5), _scales(r, 5), 0.1, 1, keep_num_dims=True
    ),
    "transpose_conv_relu": lambda m, x, r: m.transpose_conv(
        x, _weights(r, 3, 3, 3, 4), _bias(r, 3), _scales(r, 3), 0.09, 2, stride=2, activation="RELU"
    ),
    "softmax_beta": lambda m, x, r: m.softmax(x, 0.5),
    "maximum": lambda m, x, r: m.maximum(x, _other(m, r, SHAPE, SCALE, ZERO_POINT)),
    "minimum": lambda m, x, r: m.minimum(x, _other(m, r, (1, 1, 1, 4), SCALE, ZERO_POINT)),
    "reduce_max": lambda m, x, r: m.reduce_max(x, [1, -2]),
    "prelu": lambda m, x, r: m.prelu(x, _weights(r, 1, 1, 4), 0.01, 3, 0.06, 2),
    "pad": lambda m, x, r: m.pad(x, [(0, 0), (1, 2), (0, 3), (0, 0)]),
    "padv2": lambda m, x, r: m.padv2(x, [(0, 0), (1, 2), (0, 3), (0, 0)], -128),
    "squeeze": lambda m, x, r: m.squeeze(x, [0]),
    "expand_dims": lambda m, x, r: m.expand_dims(x, -1),
    "transpose": lambda m, x, r: m.transpose(x, (0, 3, 1, 2)),
    "space_to_depth": lambda m, x, r: m.space_to_depth(m.pad(x, [(0, 0), (0, 0), (0, 1), (0, 0)]), 2),
    "depth_to_space": lambda m, x, r: m.depth_to_space(x, 2),
    "pack": lambda m, x, r: m.pack([x, m.relu(x)], -1),
    "split": lambda m, x, r: m.split(x, 2, -1),
    "split_one": lambda m, x, r: m.split(x, 1, 1),
    "split_v": lambda m, x, r: m.split_v(x, [1, 4, 2], 2),
    "strided_slice": lambda m, x, r: m.strided_slice(x, (0, 1, 0, 0), (1, 6, 7, 4), (1, 2, 3, 1)),
    "strided_slice_masks": lambda m, x, r: m.strided_slice(
        x, (0, 1, 2, -1), (0, 0, 6, 0), begin_mask=1, end_mask=3, shrink_axis_mask=8
    ),
    "strided_slice_masked_and_shrunk": lambda m, x, r: m.strided_slice(
        x, (0, 1, 2, 3), (1, 6, 7, 4), begin_mask=8, shrink_axis_mask=8
    ),
    "gather": lambda m, x, r: m.gather(x, np.array([3, 0, 3], np.int32), -1),
    "tile": lambda m, x, r: m.tile(x, (1, 2, 1, 3)),
    "resize_nearest": lambda m, x, r: m.resize_nearest_neighbor(x, (12, 14)),
    "resize_nearest_corners": lambda m, x, r: m.resize_nearest_neighbor(x, (9, 11), align_corners=True),
    "resize_nearest_half": lambda m, x, r: m.resize_nearest_neighbor(x, (9, 11), half_pixel_centers=True),
    "resize_bilinear_corners": lambda m, x, r: m.resize_bilinear(x, (11, 9), align_corners=True),
    "arg_max": lambda m, x, r: m.arg_max(x),
    "arg_max_int64": lambda m, x, r: m.arg_max(x, 1, dtype="int64"),
}
"""What the stock frontend refuses, gets wrong, or imports in a form of its own."""


def _tconv(kernel: int, stride: int, padding: str, output_hw: tuple[int, int] | None = None) -> Build:
    return lambda m, x, r: m.transpose_conv(
        x, _weights(r, 3, kernel, kernel, 4), _bias(r, 3), 0.005, 0.1, 2,
        stride=stride, padding=padding, output_hw=output_hw,
    )  # fmt: skip


def _relu_three_ways(m: ModelBuilder, x: int, r: np.random.Generator) -> list[int]:
    made = m.relu(x)
    return [made, m.relu6(made), m.dequantize(made), m.dequantize(made)]


def _one_pad_two_readers(m: ModelBuilder, x: int, r: np.random.Generator) -> list[int]:
    padded = m.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    return [
        m.conv2d(padded, _weights(r, 6, 3, 3, 4), _bias(r, 6), 0.005, 0.1, 2, padding="VALID"),
        m.depthwise_conv2d(padded, _weights(r, 1, 3, 3, 4), _bias(r, 4), 0.005, 0.1, 2, padding="VALID"),
    ]


def _twice(m: ModelBuilder, x: int, r: np.random.Generator) -> list[int]:
    made = m.relu(x)
    return [made, made]


EDGES: dict[str, Build] = {
    "tconv_kernel_below_stride": _tconv(1, 2, "SAME"),
    "tconv_kernel_below_stride_valid": _tconv(2, 3, "VALID"),
    "tconv_odd_output": _tconv(3, 2, "SAME", (11, 13)),
    "tconv_one_row_more": _tconv(3, 2, "VALID", (14, 16)),
    "grouped_convolution": lambda m, x, r: m.conv2d(x, _weights(r, 6, 3, 3, 2), _bias(r, 6), 0.005, 0.1, 2),
    "dilated_depthwise": lambda m, x, r: m.depthwise_conv2d(
        x, _weights(r, 1, 3, 3, 4), _bias(r, 4), _scales(r, 4), 0.1, 2, dilation=2
    ),
    "returned_reshape_of_floats": lambda m, x, r: m.reshape(m.dequantize(m.relu(x)), (1, 168)),
    "input_is_output": lambda m, x, r: [x, m.relu(x)],
    "output_twice": _twice,
    "outputs_in_the_middle": _relu_three_ways,
    "nothing_but_a_reshape": lambda m, x, r: m.reshape(x, (168,)),
    "quantize_to_the_same": lambda m, x, r: m.quantize(x, SCALE, ZERO_POINT),
    "mean_of_channels": lambda m, x, r: m.mean(x, [3]),
    "mean_of_everything": lambda m, x, r: m.mean(x, [0, 1, 2, 3], keep_dims=True),
    "softmax_of_rows": lambda m, x, r: m.softmax(m.reshape(x, (42, 4)), 2.5),
    "constant_minus_tensor": lambda m, x, r: m.sub(_other(m, r, SHAPE, 0.01, 2), x, 0.1, 0),
    "times_a_scalar": lambda m, x, r: m.mul(x, m.constant("c", np.array(77, np.int8), 0.01, 2), 0.05, 0),
    "split_with_unused_parts": lambda m, x, r: m.split(x, 4, 3)[2],
    "slice_backwards": lambda m, x, r: m.strided_slice(x, (0, 5, 0, 0), (1, -7, 7, 4), (1, -2, 1, 1)),
    "gather_in_two_dimensions": lambda m, x, r: m.gather(x, np.array([[1, 2], [0, 3]], np.int32), 3),
    "prelu_of_every_element": lambda m, x, r: m.prelu(x, _weights(r, 6, 7, 4), 0.01, 3, 0.06, 2),
    "pad_channels": lambda m, x, r: m.pad(x, [(0, 0), (0, 0), (0, 0), (1, 2)]),
    "one_pad_two_readers": _one_pad_two_readers,
}
"""Corners of single operators, and small graphs with unusual outputs."""


def single(build: Build) -> Model:
    """Return a model of one operator over the standard input."""
    m = ModelBuilder()
    x = m.input("x", SHAPE, SCALE, ZERO_POINT)
    made = build(m, x, np.random.default_rng(7))
    for tensor in made if isinstance(made, list) else [made]:
        m.output(tensor)
    return m.finish()


def stock_import(data: bytes):
    """Import with TVM's own converter."""
    return from_tflite(tflite.Model.GetRootAsModel(data, 0))


def our_import(data: bytes):
    """Import with ours."""
    return import_tflite(data).module


def random_input(model: Model, seed: int = 0) -> list[np.ndarray]:
    """Return values for the inputs of `model`: all integers alike, floats around 0."""
    rng = np.random.default_rng(seed)
    values = []
    for index in model.inputs:
        tensor = model.tensors[index]
        if tensor.dtype == "float32":
            values.append(rng.normal(0, 1, tensor.shape).astype(np.float32))
        else:
            bounds = np.iinfo(tensor.dtype)
            values.append(rng.integers(bounds.min, bounds.max + 1, tensor.shape).astype(tensor.dtype))
    return values


def run(module, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Evaluate a legalized module operator by operator; return every tensor by name."""
    graph = extract_graph(module)
    values = {t.name: x for t, x in zip(graph.inputs, inputs, strict=True)}
    for op in graph.operators:
        results = evaluate(op, [values[name] for name in op.input_names])
        for tensor, result in zip(op.outputs, results, strict=True):
            assert (result.shape, str(result.dtype)) == (tensor.shape, tensor.dtype), tensor.name
            values[tensor.name] = result
    return values


def outputs_of(module, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Evaluate a legalized module; return its outputs."""
    values = run(module, inputs)
    return [values[t.name] for t in extract_graph(module).outputs]


def file_of(model: Model) -> bytes:
    """Return the model as a file."""
    return write_model(model)
