"""Networks whose wide tensors pass through operators that once needed them whole: planned, a quarter of the memory."""

from __future__ import annotations

import numpy as np
import pytest

import tvm_patch
from tests.plans.composites import with_composites
from tests.plans.plans import random_plan
from tests.plans.test_random_networks import assert_specified
from tests.plans.trial import make_trial
from tvm_patch.driver import check, random_inputs
from tvm_patch.driver.front import legalize
from tvm_patch.oracle import Oracle
from tvm_patch.planner.choose import Request
from tvm_patch.planner.layout.rows import RowsLayout
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.segments import Segment, layer_by_layer
from tvm_patch.tflite.writer import write_model
from tvm_patch.zoo.builder import NetworkBuilder


class Builder(NetworkBuilder):
    """Adds movements to what the zoo needs."""

    def moved(self, x: int, made: int, values: np.ndarray) -> int:
        self._values[made] = values
        return made

    def padded(self, x: int, *paddings: tuple[int, int]) -> int:
        return self.moved(x, self._builder.pad(x, paddings), np.pad(self._values[x], paddings))

    def cut(self, x: int, begin: tuple[int, ...], end: tuple[int, ...], steps: tuple[int, ...]) -> int:
        made = self._builder.strided_slice(x, begin, end, steps)
        slices = tuple(slice(*s) for s in zip(begin, end, steps, strict=True))
        return self.moved(x, made, self._values[x][slices])

    def planes(self, x: int) -> int:
        return self.transposed(x, (0, 3, 1, 2))

    def pixels(self, x: int) -> int:
        return self.transposed(x, (0, 2, 3, 1))

    def transposed(self, x: int, order: tuple[int, ...]) -> int:
        return self.moved(x, self._builder.transpose(x, order), self._values[x].transpose(order))

    def tiled(self, x: int, multiples: tuple[int, ...]) -> int:
        return self.moved(x, self._builder.tile(x, multiples), np.tile(self._values[x], multiples))

    def reshaped(self, x: int, shape: tuple[int, ...]) -> int:
        return self.moved(x, self._builder.reshape(x, shape), self._values[x].reshape(shape))

    def blocks_to_channels(self, x: int) -> int:
        batch, height, width, channels = self.shape(x)
        split = self._values[x].reshape(batch, height // 2, 2, width // 2, 2, channels)
        values = split.transpose(0, 1, 3, 2, 4, 5).reshape(batch, height // 2, width // 2, 4 * channels)
        return self.moved(x, self._builder.space_to_depth(x, 2), values)

    def channels_to_blocks(self, x: int) -> int:
        batch, height, width, channels = self.shape(x)
        split = self._values[x].reshape(batch, height, width, 2, 2, channels // 4)
        values = split.transpose(0, 1, 3, 2, 4, 5).reshape(batch, height * 2, width * 2, channels // 4)
        return self.moved(x, self._builder.depth_to_space(x, 2), values)

    def joined(self, *parts: int) -> int:
        """Add a CONCATENATION by channel of parts that are brought to one scale."""
        values = [self._values[p] for p in parts]
        grid = self._range(np.concatenate(values, 3))
        alike = [self.moved(p, self._builder.quantize(p, *grid), self._values[p]) for p in parts]
        return self.moved(parts[0], self._builder.concatenation(alike, 3), np.concatenate(values, 3))

    def halves(self, x: int) -> tuple[int, int]:
        """Add a SPLIT of channels in two."""
        made, values = self._builder.split(x, 2, 3), np.split(self._values[x], 2, 3)
        first, second = (self.moved(x, m, v) for m, v in zip(made, values, strict=True))
        return first, second

    def pooled(self, x: int) -> int:
        made = self._builder.max_pool2d(x, 2)
        batch, height, width, channels = self._values[x].shape
        parts = self._values[x][:, : height // 2 * 2, : width // 2 * 2]
        parts = parts.reshape(batch, height // 2, 2, width // 2, 2, channels)
        return self.moved(x, made, parts.max(axis=(2, 4)))

    def resized(self, x: int, factor: int, kind: str, **flags: bool) -> int:
        height, width = (factor * extent for extent in self.shape(x)[1:3])
        add = getattr(self._builder, f"resize_{kind}")
        # Whatever the kind, the values spread about alike.
        values = self._values[x].repeat(factor, axis=1).repeat(factor, axis=2)
        return self.moved(x, add(x, (height, width), **flags), values)

    def enlarged(self, x: int, channels: int, kernel: int, stride: int) -> int:
        """Add a transposed convolution; a network's first pixels are enough to choose its scale by."""
        weight = self._weights(channels, kernel, kernel, self.channels(x)) / kernel
        values = self._values[x]
        _, height, width, _ = values.shape
        size = (height - 1) * stride + kernel, (width - 1) * stride + kernel
        result = np.zeros((1, *size, channels), np.float32)
        for i in range(kernel):
            for j in range(kernel):
                part = values @ weight[:, i, j].T
                result[:, i : i + height * stride : stride, j : j + width * stride : stride] += part
        result = result[:, : height * stride, : width * stride]
        scale = np.abs(weight).max((1, 2, 3)) / 127
        quantized, offset = self._quantized(x, weight, np.zeros(channels, np.float32), scale)
        made = self._builder.transpose_conv(
            x, quantized, offset, scale, *self._range(result), stride=stride, padding="SAME"
        )
        return self.moved(x, made, result)

    def head(self, x: int) -> bytes:
        x = self.conv(self.depthwise(x, 3, 2), 8)
        return write_model(self.finish(self.dense(self.global_mean(x), 4)))


def softmax_over_channels() -> bytes:
    net = Builder("softmax", (1, 48, 48, 3))
    return net.head(net.softmax(net.conv(net.input, 24, 3, 1, "RELU6")))


def padding() -> bytes:
    net = Builder("padding", (1, 44, 46, 3))
    x = net.conv(net.input, 24, 3, 1, "RELU6")
    return net.head(net.pooled(net.padded(x, (0, 0), (1, 3), (2, 0), (0, 0))))


def slices() -> bytes:
    net = Builder("slices", (1, 50, 52, 3))
    x = net.conv(net.input, 24, 3, 1, "RELU6")
    x = net.cut(x, (0, 3, 2, 0), (1, 49, 50, 24), (1, 1, 1, 1))
    x = net.cut(net.conv(x, 24, 3, 1), (0, 0, 1, 2), (1, 46, 48, 24), (1, 2, 1, 2))
    return net.head(x)


def _encoded(net: Builder) -> int:
    return net.conv(net.conv(net.input, 16, 3, 2, "RELU6"), 16, 3, 1, "RELU6")


def _decoded(net: Builder, x: int) -> bytes:
    return net.head(net.conv(net.depthwise(net.conv(x, 24, 3, 1, "RELU6"), 3), 16))


def nearest() -> bytes:
    """A neck: a coarse tensor, enlarged, over a fine one."""
    net = Builder("nearest", (1, 64, 64, 3))
    fine = _encoded(net)
    coarse = net.conv(net.conv(fine, 24, 3, 2, "RELU6"), 16)
    x = net.add(fine, net.resized(coarse, 2, "nearest_neighbor", half_pixel_centers=True))
    return _decoded(net, net.resized(x, 2, "nearest_neighbor"))


def bilinear() -> bytes:
    """A decoder of a segmentation."""
    net = Builder("bilinear", (1, 48, 48, 3))
    x = net.conv(_encoded(net), 16, 3, 1, "RELU6")
    x = net.resized(x, 2, "bilinear", half_pixel_centers=True)
    return _decoded(net, net.resized(net.conv(x, 8, 3), 2, "bilinear", align_corners=True))


def transposed() -> bytes:
    net = Builder("transposed", (1, 64, 64, 3))
    x = net.enlarged(net.conv(_encoded(net), 24, 3, 2, "RELU6"), 16, 4, 2)
    return _decoded(net, net.enlarged(net.conv(x, 16, 3), 12, 3, 2))


def shrunk() -> bytes:
    """A camera's picture brought to another size inside of the network, twice."""
    net = Builder("shrunk", (1, 96, 96, 3))
    x = net.conv(net.input, 12, 3, 1, "RELU6")
    half = net._builder.resize_bilinear(x, (48, 36), half_pixel_centers=True)
    x = net.conv(net.moved(x, half, net._values[x][:, ::2, : 36 * 2 : 2]), 12, 3)
    less = net._builder.resize_nearest_neighbor(x, (31, 24), half_pixel_centers=True)
    return net.head(net.moved(x, less, net._values[x][:, :31, :24]))


def dense_over_rows() -> bytes:
    net = Builder("dense", (1, 32, 30, 3))
    x = net.depthwise(net.conv(net.input, 24, 3, 1, "RELU6"), 3)
    return write_model(net.finish(net.dense(net.flatten(x), 10)))


def tiled() -> bytes:
    """A factor and an offset of each channel that a TILE repeats for every pixel; the picture is read twice."""
    net = Builder("tiled", (1, 40, 42, 3))
    squeezed = net.global_average_pool(net.conv(net.input, 8, 3, 2, "RELU6"))
    factors = [net.logistic(net.conv(squeezed, 24, 1, 1)) for _ in range(2)]
    x = net.conv(net.input, 24, 3, 1, "RELU6")
    for join, factor in zip((net.multiply, net.add), factors, strict=True):
        x = join(x, net.tiled(factor, (1, *net.shape(x)[1:3], 1)))
    return net.head(x)


def planes() -> bytes:
    """A network whose tensors are NCHW, as converters from PyTorch write it: transposes around every convolution."""
    net = Builder("planes", (1, 3, 34, 36))
    x = net.planes(net.conv(net.pixels(net.input), 24, 3, 1, "RELU6"))
    made = net.planes(net.depthwise(net.pixels(net.logistic(x)), 3))
    x = net.add(made, x)
    x = net.padded(x, (0, 0), (0, 0), (1, 0), (0, 1))
    x = net.planes(net.conv(net.pixels(x), 12, 3, 2, "RELU6"))
    return write_model(net.finish(net.dense(net.flatten(x), 6)))


def space_to_depth() -> bytes:
    """Blocks of pixels to channels: by one operator, and as PyTorch's order of channels is written."""
    net = Builder("blocks", (1, 96, 96, 3))
    x = net.blocks_to_channels(net.conv(net.input, 12, 3, 1, "RELU6"))
    x = net.conv(x, 12, 3, 1, "RELU6")
    x = net.transposed(net.reshaped(x, (1, 24, 2, 24, 2, 12)), (0, 1, 3, 5, 2, 4))
    return net.head(net.conv(net.reshaped(x, (1, 24, 24, 48)), 16))


def depth_to_space() -> bytes:
    """Channels to blocks of pixels: by one operator, and as PyTorch's order of channels is written."""
    net = Builder("pixels", (1, 64, 64, 3))
    x = net.channels_to_blocks(net.conv(_encoded(net), 48, 3, 1, "RELU6"))
    x = net.conv(net.conv(x, 16, 3, 2, "RELU6"), 48)
    x = net.transposed(net.reshaped(x, (1, 32, 32, 12, 2, 2)), (0, 1, 4, 2, 5, 3))
    return _decoded(net, net.reshaped(x, (1, 64, 64, 12)))


def pixel_shuffle() -> bytes:
    """Blocks moved between planes, as converters from PyTorch leave them."""
    net = Builder("shuffled", (1, 3, 64, 64))
    x = net.transposed(net.reshaped(net.input, (1, 3, 32, 2, 32, 2)), (0, 1, 3, 5, 2, 4))
    x = net.conv(net.pixels(net.reshaped(x, (1, 12, 32, 32))), 16, 3, 1, "RELU6")
    x = net.logistic(net.planes(net.conv(x, 48, 3)))
    x = net.transposed(net.reshaped(x, (1, 12, 2, 2, 32, 32)), (0, 1, 4, 2, 5, 3))
    return _decoded(net, net.pixels(net.logistic(net.reshaped(x, (1, 12, 64, 64)))))


def focus() -> bytes:
    """YOLO's first layer: every second pixel four times, beside each other."""
    net = Builder("focus", (1, 96, 96, 3))
    size = (1, *net.shape(net.input)[1:])
    parts = [net.cut(net.input, (0, i, j, 0), size, (1, 2, 2, 1)) for j in (0, 1) for i in (0, 1)]
    values = np.concatenate([net._values[p] for p in parts], 3)
    x = net.moved(net.input, net._builder.concatenation(parts, 3), values)
    return net.head(net.conv(net.conv(x, 24, 3, 1, "RELU6"), 16, 3, 1, "RELU6"))


def channel_shuffle() -> bytes:
    """Two units of ShuffleNet V2: half of the channels pass by, then the halves are interleaved."""
    net = Builder("shuffle", (1, 64, 64, 3))
    x = net.conv(net.input, 24, 3, 1, "RELU6")
    for _ in range(2):
        passes, enters = net.halves(x)
        deep = net.conv(net.depthwise(net.conv(enters, 12, 1, 1, "RELU6"), 3), 12, 1, 1, "RELU6")
        x = net.joined(passes, deep)
        _, height, width, channels = net.shape(x)
        x = net.transposed(net.reshaped(x, (1, height, width, 2, channels // 2)), (0, 1, 2, 4, 3))
        x = net.reshaped(x, (1, height, width, channels))
    return net.head(x)


def inception() -> bytes:
    """Branches of several depths over one tensor, joined by channel, twice."""
    net = Builder("inception", (1, 64, 64, 3))
    x = net.conv(net.input, 16, 3, 1, "RELU6")
    for _ in range(2):
        middle = net.conv(net.conv(x, 8, 1, 1, "RELU6"), 12, 3, 1, "RELU6")
        deep = net.conv(net.conv(net.conv(x, 4), 6, 3, 1, "RELU6"), 6, 3, 1, "RELU6")
        x = net.joined(net.conv(x, 8, 1, 1, "RELU6"), middle, deep)
    return net.head(x)


def dense_block() -> bytes:
    """Each layer reads all that were made before it."""
    net = Builder("dense_block", (1, 64, 64, 3))
    x = net.conv(net.input, 12, 3, 1, "RELU6")
    for _ in range(4):
        x = net.joined(x, net.conv(net.conv(x, 16, 1, 1, "RELU6"), 6, 3))
    return net.head(x)


def features() -> bytes:
    """A keyword spotter, whose features come as one vector."""
    net = Builder("features", (1, 98 * 40))
    x = net.conv(net.reshaped(net.input, (1, 98, 40, 1)), 16, (5, 4), (2, 1), "RELU6")
    x = net.conv(net.depthwise(x, 3, 1, "RELU6"), 16, 1, 1, "RELU6")
    return net.head(net.conv(net.depthwise(x, 3, 2, "RELU6"), 24, 1, 1, "RELU6"))


def reduced() -> bytes:
    """Nothing but a mean of the input and a classifier of it."""
    net = Builder("reduced", (1, 48, 40, 12))
    return write_model(net.finish(net.dense(net.dense(net.global_mean(net.input), 16, "RELU6"), 4)))


def classified() -> bytes:
    """A classifier of all pixels."""
    net = Builder("classified", (1, 40, 36, 3))
    return write_model(net.finish(net.dense(net.dense(net.flatten(net.input), 24, "RELU6"), 4)))


NETWORKS = [
    softmax_over_channels,
    padding,
    slices,
    nearest,
    bilinear,
    transposed,
    shrunk,
    dense_over_rows,
    tiled,
    planes,
    space_to_depth,
    depth_to_space,
    pixel_shuffle,
    focus,
    channel_shuffle,
    inception,
    dense_block,
    features,
    reduced,
    classified,
]


@pytest.mark.parametrize("make", NETWORKS)
def test_a_quarter_of_the_arena(make):
    data = make()
    layers = tvm_patch.compile(data)
    request = Request(input_mode="rereadable", objective="memory", max_overhead=1.05)
    planned = tvm_patch.compile(data, plan=request)
    assert planned.arena_bytes <= layers.arena_bytes / 4
    inputs = random_inputs(planned, 2, 0)
    with Oracle(data, isolate=True) as oracle:
        for artifact in (layers, planned):
            result = artifact.run(inputs, profile=False)
            assert check(artifact, data, inputs, result.outputs, oracle).max_abs_diff == 0


@pytest.mark.slow
@pytest.mark.parametrize("make", NETWORKS)
def test_under_random_plans(make, tmp_path):
    legalized = legalize(make())
    network = legalized.describe()[1]
    trials = []
    for seed in range(8):
        mode = ("resident", "rereadable", "resident" if make is tiled else "streamed")[seed % 3]
        segments = random_plan(network, seed, mode)
        if seed % 2:
            segments = with_composites(network, segments, network.inputs if seed % 3 else (), seed)
        apart = seed % 4 > 1
        trials.append(make_trial(legalized, network, segments, mode, f"plan{seed}", seed, apart, apart))
    assert_specified(trials, tmp_path)


@pytest.mark.slow
def test_rows_that_are_made_when_the_sink_has_finished(tmp_path):
    """The padded tensor is needed again: the rows below what the first slice takes are made after it, padding too."""
    net = Builder("late", (1, 24, 20, 3))
    x = net.padded(net.conv(net.input, 8), (0, 0), (1, 1), (1, 1), (0, 0))
    top = net.cut(x, (0, 0, 0, 0), (1, 10, 22, 8), (1, 1, 1, 1))
    bottom = net.cut(x, (0, 16, 0, 0), (1, 26, 22, 8), (1, 1, 1, 1))
    legalized = legalize(net.head(net.add(top, bottom)))
    network = legalized.describe()[1]
    pad, cut = (next(op.index for op in network.operators if op.kind == k) for k in ("pad", "strided_slice"))
    assert cut == pad + 1
    segments = [s for s in layer_by_layer(network) if not {pad, cut} & set(s.operators)]
    segments.insert(pad, Segment((pad, cut)))
    layout = Schedule.of(network, segments).layouts[pad]
    assert isinstance(layout, RowsLayout)
    source = network.operators[pad].inputs[0]
    assert max(layout.counts.made_by[source]) < network.tensors[source].rows < layout.counts.ends[source]
    assert_specified([make_trial(legalized, network, segments, "resident", "late", apart=True)], tmp_path)


@pytest.mark.parametrize("board", ["qemu_m7", "qemu_m4"])
def test_on_the_emulated_boards(board):
    """Resizes, transposed convolutions, rearrangements and branches inside of segments."""
    for make in (nearest, bilinear, transposed, space_to_depth, pixel_shuffle, channel_shuffle):
        data = make()
        request = Request(input_mode="streamed", objective="memory", max_overhead=1.05)
        artifact = tvm_patch.compile(data, board=board, plan=request)
        inputs = random_inputs(artifact, 1, 0)
        result = artifact.run(inputs, board=board, profile=False)
        with Oracle(data, isolate=True) as oracle:
            assert check(artifact, data, inputs, result.outputs, oracle).max_abs_diff == 0
