"""Kernels get what a plan's arena has left over, and nothing more."""

from __future__ import annotations

import numpy as np
import pytest

from tvm_patch.driver.front import legalize
from tvm_patch.lowering.fit_kernels import fit_kernels, layer_kernels
from tvm_patch.lowering.tuned import TunedConfigs
from tvm_patch.lowering.variants import Variants
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.search.dynamic import Search
from tvm_patch.planner.segments import Segment, layer_by_layer
from tvm_patch.targets import CORTEX_M4
from tvm_patch.tflite.builder import ModelBuilder
from tvm_patch.tflite.writer import write_model
from tvm_patch.zoo.registry import build


@pytest.fixture(scope="module")
def legalized():
    return legalize(write_model(build("mlperf_ic")))


@pytest.mark.parametrize("way", ["layer", "plan"])
def test_arena_stays_as_promised(legalized, way):
    kernels, network = legalized.describe()
    segments = (
        layer_by_layer(network) if way == "layer" else Search(network, "resident").least_memory().segments
    )
    promised = Schedule.of(network, segments)
    wider, fitted = fit_kernels(kernels, promised, TunedConfigs())
    assert fitted.arena_bytes == promised.arena_bytes
    # What is only made room for lies as it would if it were laid out anew.
    assert fitted == Schedule.of(fitted.network, segments)
    assert [op.scratch_bytes for op in fitted.network.operators] == [k.scratch_bytes for k in wider]
    assert legalized.lower(promised).schedule == fitted
    before, after = ([k.scratch_bytes for k in some] for some in (kernels, wider))
    assert all(b <= a for b, a in zip(before, after, strict=True))
    assert sum(after) > sum(before)


def test_the_fullest_segment_gets_no_more(legalized):
    kernels, network = legalized.describe()
    wider, _ = fit_kernels(kernels, Search(network, "resident").least_memory().schedule, TunedConfigs())
    ample = network.target.ample_scratch
    assert [k.scratch_bytes for k in wider] != [k.within(ample).scratch_bytes for k in kernels]


def test_without_a_plan_kernels_are_wide(legalized):
    kernels, network = legalized.describe()
    wide, schedule, _ = layer_kernels(kernels, Schedule.of(network, layer_by_layer(network)), TunedConfigs())
    program = legalized.lower()
    ample = network.target.ample_scratch
    assert all(
        w.scratch_bytes >= min(k.within(ample).scratch_bytes, ample)
        for w, k in zip(wide, kernels, strict=True)
    )
    assert [k.scratch_bytes for k in wide] == [k.scratch_bytes for s in program.steps for k in s.kernels]
    assert program.schedule == schedule == Schedule.of(schedule.network, layer_by_layer(network))


def test_an_output_overlaps_its_input_where_that_makes_room():
    """The layers of mlperf-sww: with little scratch an output fits beside its input, in the room for more of it."""
    builder, rng = ModelBuilder("time", "test"), np.random.default_rng(0)
    x, channels = builder.input("x", (1, 30, 1, 40), 0.05, 3), 40
    for rows in (3, 5, 10, 15):
        taps = rng.integers(-127, 127, (1, rows, 1, channels), dtype=np.int8)
        x = builder.depthwise_conv2d(x, taps, np.zeros(channels, np.int32), 0.01, 0.1, -5, padding="VALID")
        weight = rng.integers(-127, 127, (128, 1, 1, channels), dtype=np.int8)
        x, channels = builder.conv2d(x, weight, np.zeros(128, np.int32), 0.01, 0.1, -5), 128
    builder.output(x)
    kernels, network = legalize(write_model(builder.finish()), target=CORTEX_M4).describe()
    schedule = Schedule.of(network, layer_by_layer(network))
    variants = Variants(kernels, TunedConfigs())
    wide, _, _ = layer_kernels(kernels, schedule, TunedConfigs())
    for index, kernel in enumerate(wide):
        ample = variants.within(index, CORTEX_M4.ample_scratch, alone=True)
        assert kernel.scratch_bytes >= ample.scratch_bytes, index


@pytest.fixture(scope="module")
def columns():
    """Two 1×1 convolutions over rows of a single pixel."""
    builder, rng = ModelBuilder("columns", "test"), np.random.default_rng(0)
    x = builder.input("x", (1, 12, 1, 8), 0.05, 3)
    for _ in range(2):
        weight = rng.integers(-127, 128, (8, 1, 1, 8), dtype=np.int8)
        x = builder.conv2d(x, weight, np.zeros(8, np.int32), 0.01, 0.1, -128)
    builder.output(x)
    return legalize(write_model(builder.finish()))


def pixels_of(columns, segments, mode="resident"):
    kernels, network = columns.describe()
    assert [k.config["pixels"] for k in kernels] == [1, 1]
    schedule = Schedule.of(network, segments, mode)
    wide, _, _ = layer_kernels(kernels, schedule, TunedConfigs())
    return [k.config["pixels"] for k in wide]


def test_rows_of_one_pixel_are_one_row_where_the_operator_is_alone(columns):
    _, network = columns.describe()
    alone = layer_by_layer(network)
    assert pixels_of(columns, alone) == [3, 3]
    # Fetched rows come one by one, and so do those that another operator asks for.
    assert pixels_of(columns, alone, "streamed") == [1, 3]
    assert pixels_of(columns, [Segment((0, 1))]) == [1, 1]
