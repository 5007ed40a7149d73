"""Networks whose generated code has every function of Thumb-2 code that there is, in all its forms."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

import tvm_patch
from tvm_patch.driver import Artifact, random_inputs
from tvm_patch.kernels import Kernel
from tvm_patch.kernels.c.depthwise_direct import DirectDepthwise
from tvm_patch.kernels.c.depthwise_paired import PairedDepthwise
from tvm_patch.lowering.tuned import TunedConfigs
from tvm_patch.oracle import Oracle
from tvm_patch.planner.choose import Request
from tvm_patch.tflite.builder import ModelBuilder
from tvm_patch.tflite.writer import write_model

_DOTS = (
    "dot_2x1", "dot_2x2", "dot_2x3", "dot_4x1", "dot_2x1_direct", "dot_4x1_direct",
    "dot_2x1_of_N", "dot_2x2_of_N", "dot_2x3_of_N", "dot_4x1_of_N", "dot_2x1_direct_of_N", "dot_4x1_direct_of_N",
)  # fmt: skip
_JOINED = {*(f"{name}_joined" for name in _DOTS), "widen_1_folded", "widen_2_folded", "widen_3_folded"}
_SUMS = {"dot_sums_4x1_direct_dual", "dot_sums_4x1_direct_joined"}
"""Two outputs at a time, and weights that are apart, have the loops of the others."""
FAMILIES = _JOINED | _SUMS | {
    f"{name}{dual}"
    for dual in ("", "_dual")
    for name in (
        "widen_1", "widen_2", "widen_3", *_DOTS,
        "pairs_2", "pairs_3", "pairs_3_by_channel", "pairs_4", "pairs_5", "pairs_6", "pairs_7",
        "winograd_inputs_1", "winograd_inputs_2", "winograd_inputs_3", "winograd_inputs_4",
        "winograd_1_by_N", "winograd_2_by_N", "winograd_3_by_N", "winograd_4_by_N",
        "direct_1", "direct_2", "direct_2_and_1", "column_even", "column_odd",
        "taps_2x2", "taps_3x3", "taps_3x5", "taps_4x4", "taps_5x5", "taps_6x6", "taps_7x7",
    )
}  # fmt: skip
"""Functions of Thumb-2 code that the networks must have, sizes of tiles and digests aside."""


class _Layers:
    """Adds layers whose scales spread their outputs over int8."""

    def __init__(self, seed: int, shape: Sequence[int], *, joined: bool = True) -> None:
        self.rng = np.random.default_rng(seed)
        self.joined = joined
        self.model = ModelBuilder("builds")
        self.at = self.model.input("x", tuple(shape), scale=0.05, zero_point=-7)

    def _numbers(self, *shape: int, per: int, terms: int):
        weight = self.rng.integers(-127, 128, shape).astype(np.int8)
        if not self.joined:
            weight[0].flat[:2] = -128, -1
        bias = self.rng.integers(-2000, 2000, per).astype(np.int32)
        scale = self.rng.uniform(0.003, 0.006, per).astype(np.float32)
        step = self.model.quantization(self.at)[0] * 0.0045 * 74 * 74 * terms**0.5 / 50
        return weight, bias, scale, step

    def depthwise(self, rows: int, columns: int, **options) -> None:
        channels = self.model.shape(self.at)[3]
        *numbers, step = self._numbers(1, rows, columns, channels, per=channels, terms=rows * columns)
        self.at = self.model.depthwise_conv2d(
            self.at, *numbers, step, int(self.rng.integers(-90, 40)), **options
        )

    def conv(self, size: int, channels: int, **options) -> None:
        depth = self.model.shape(self.at)[3]
        *numbers, step = self._numbers(channels, size, size, depth, per=channels, terms=size * size * depth)
        self.at = self.model.conv2d(self.at, *numbers, step, int(self.rng.integers(-90, 40)), **options)

    def finish(self) -> bytes:
        channels = self.model.shape(self.at)[3]
        mean = self.model.mean(self.at, [1, 2], *self.model.quantization(self.at))
        weight = self.rng.integers(-127, 128, (5, channels)).astype(np.int8)
        if not self.joined:
            weight[0, :2] = -128, -1
        bias = self.rng.integers(-500, 500, 5).astype(np.int32)
        self.model.output(self.model.fully_connected(mean, weight, bias, 0.004, 0.3, 4))
        return write_model(self.model.finish())


def _dense(*, joined: bool) -> bytes:
    net = _Layers(5, (1, 13, 11, 3), joined=joined)
    net.conv(3, 12, stride=2, activation="RELU6")
    net.conv(1, 20)
    net.conv(1, 9, activation="RELU")
    net.conv(3, 10, padding="VALID")
    net.conv(2, 8, stride=3)
    net.conv(2, 16, padding="VALID", activation="RELU")
    net.conv(1, 6)
    return net.finish()


@cache
def dense() -> bytes:
    """Dot products: 1×1 and wider kernels, odd and even widths, one pixel, channels that are no multiple of four."""
    return _dense(joined=True)


@cache
def dense_apart() -> bytes:
    """The same with weights of -128 beside others, which no core joins."""
    return _dense(joined=False)


@cache
def depthwise() -> bytes:
    """Depthwise kernels of all heights, along rows of one tile and of several, with strides and dilation."""
    net = _Layers(6, (1, 29, 27, 8))
    net.depthwise(3, 3, activation="RELU")
    net.depthwise(2, 2)
    net.depthwise(4, 4)
    net.depthwise(3, 5)
    net.depthwise(5, 5, stride=2, activation="RELU6")
    net.depthwise(3, 3, dilation=2)
    net.depthwise(6, 6)
    net.depthwise(7, 7)
    net.depthwise(3, 3, stride=2)
    net.depthwise(5, 5)
    net.depthwise(3, 3, padding="VALID")
    return net.finish()


@cache
def winograd() -> bytes:
    """3×3 kernels along rows of several widths, so many that some draw takes each number of tiles."""
    net = _Layers(8, (1, 9, 20, 8))
    net.conv(3, 12)
    net.conv(3, 12)
    net.conv(3, 8)
    net.conv(3, 9, padding="VALID", activation="RELU")
    net.conv(2, 8, stride=3)
    for _ in range(7):
        net.conv(3, 8)
    return net.finish()


@cache
def columns() -> bytes:
    """Depthwise kernels of one column along time, as in networks for sound: rows of one pixel, many rows of taps."""
    net = _Layers(9, (1, 30, 1, 40))
    net.depthwise(3, 1, padding="VALID")
    net.conv(1, 32)
    net.depthwise(5, 1, padding="VALID")
    net.depthwise(10, 1, padding="VALID", activation="RELU")
    net.depthwise(15, 1, padding="VALID")
    return net.finish()


@cache
def rows() -> bytes:
    """A fully connected layer that a plan runs row by row."""
    net = _Layers(10, (1, 14, 13, 3))
    net.conv(3, 12, activation="RELU6")
    net.depthwise(3, 3)
    weight = net.rng.integers(-127, 128, (8, 14 * 13 * 12)).astype(np.int8)
    bias = net.rng.integers(-500, 500, 8).astype(np.int32)
    net.model.output(net.model.fully_connected(net.at, weight, bias, 0.004, 9.0, 4))
    return write_model(net.model.finish())


NETWORKS = {
    "rows": rows,
    "dense": dense,
    "dense_apart": dense_apart,
    "depthwise": depthwise,
    "winograd": winograd,
    "columns": columns,
}


_PLANNED = {"rows": Request(objective="memory")}

_REARRANGED = (6, 9)
"""With these numbers columns of depthwise kernels are rearranged that are read as they are otherwise."""


class _Pick(TunedConfigs):
    """Takes one of the forms that the tuner may choose, another for every kernel.

    The last bit of its number says whether for one instruction a cycle or two, the one before whether with a loop.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        object.__setattr__(self, "number", number)
        object.__setattr__(self, "turns", itertools.count(7 * (number // 4), 5))

    def within(self, kernel: Kernel, scratch: int, *, alone: bool = False) -> Kernel:
        if type(kernel) is DirectDepthwise and self.number in _REARRANGED:
            kernel = PairedDepthwise(kernel.op)
        forms = [f for f in kernel.candidates() if f.get("dual", False) == self.number % 2]
        if not forms:
            return kernel
        loops = self.number // 2 % 2 == 1
        forms = [f for f in forms if bool(f.get("unroll", loops)) is loops] or forms
        return type(kernel)(kernel.op, forms[next(self.turns) % len(forms)])


@dataclass(frozen=True)
class Expected:
    """An artifact with inputs and what LiteRT's reference gives for them."""

    artifact: Artifact
    inputs: list[list[np.ndarray]]
    outputs: list[list[np.ndarray]]

    def assert_same(self, outputs: Sequence[Sequence[np.ndarray]]) -> None:
        for ours, theirs in zip(outputs, self.outputs, strict=True):
            for mine, wanted in zip(ours, theirs, strict=True):
                np.testing.assert_array_equal(mine, wanted)


@cache
def compiled(network: str, forms: int | None = None) -> Expected:
    """Compile one of `NETWORKS` for Cortex-M; `forms` takes others of the kernels' forms than the usual ones.

    What is planned is compiled for a Cortex-M4 then: what has no candidates is chosen by the core.
    """
    data, plan = NETWORKS[network](), _PLANNED.get(network)
    board = "qemu_m7" if forms is None or plan is None else "qemu_m4"
    with pytest.MonkeyPatch.context() as patch:
        if forms is not None:
            patch.setattr(sys.modules["tvm_patch.driver.compile"], "tuned_configs", lambda *_: _Pick(forms))
        artifact = tvm_patch.compile(data, board=board, name=network, plan=plan)
    inputs = random_inputs(artifact, 2, seed=3)
    with Oracle(data) as oracle:
        outputs = [oracle.run(one).outputs for one in inputs]
    return Expected(artifact, inputs, outputs)


def families(expected: Expected) -> set[str]:
    """Return the functions of Thumb-2 code in an artifact, by `FAMILIES`' names."""
    name = expected.artifact.name
    text = expected.artifact.contents.files[f"codegen/host/src/{name}_lib0.c"].decode()
    found = re.findall(r"^static TVMP_NAKED void tvmp_(\w+)_[0-9a-f]{8}\(", text, re.MULTILINE)
    found = [re.sub(r"^direct_\dx\d", "direct", re.sub(r"_(of|by)_\d+", r"_\1_N", f)) for f in found]
    found = [re.sub(r"^column_(\d+)", lambda m: f"column_{('even', 'odd')[int(m[1]) % 2]}", f) for f in found]
    return {re.sub(r"^(taps_\dx\d)_\d+", r"\1", f) for f in found}


DRAWN = (0, 1, 2, 6, 8, 9, 11)
"""Numbers of drawn forms which, with the chosen ones, give all of `FAMILIES`."""


def every_build() -> list[tuple[str, int | None]]:
    """Return networks and forms, as :func:`compiled` takes them."""
    return [(n, f) for n in NETWORKS for f in (None, *DRAWN)]
