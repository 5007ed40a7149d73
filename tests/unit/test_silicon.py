"""The benchmark that holds the model of cycles against silicon: its data, its arithmetic, the calls that it prints."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from math import ceil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.silicon import cmsis_nn, record
from benchmarks.silicon.figures import MEASURED
from benchmarks.silicon.layers import read_network
from benchmarks.silicon.printing import array
from microtvm_project.boards import BOARDS
from tests.unit.codegen.networks import small_network
from tvm_patch.errors import UnsupportedError, UserError
from tvm_patch.targets.pipeline import CORES, ERROR_PERCENT
from tvm_patch.tflite.builder import ModelBuilder
from tvm_patch.tflite.reader import read_model
from tvm_patch.tflite.writer import write_model

COUNTS = record.read(record.RECORDED.read_text(encoding="utf-8"))
PAGE = Path(__file__).parents[2] / "docs" / "cycles.md"


def test_every_figure_of_silicon_has_recorded_counts():
    found = [record.counts_of(row, COUNTS) for row in MEASURED]
    assert {(c.network, c.engine, c.board) for c in found} == {(c.network, c.engine, c.board) for c in COUNTS}
    assert all(c.issue <= c.instructions * 2 for c in COUNTS)
    assert all(c.instructions <= 2 * c.issue for c in COUNTS)  # no core issues three at a time


@pytest.mark.parametrize("cpu", CORES)
def test_the_error_told_to_users_is_that_of_the_table(cpu):
    assert ERROR_PERCENT[cpu] == ceil(record.largest(record.errors(COUNTS, cpu)))
    assert ERROR_PERCENT[cpu] <= 10


def test_the_page_has_the_errors():
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(r"^\|[^\n]*\| ([+−][\d.]+) %\*? \|$", text, re.MULTILINE)
    expected = [record.error_percent(row, record.counts_of(row, COUNTS)) for row in MEASURED]
    assert [float(f.replace("−", "-")) for f in found] == [round(e, 1) for e in expected]


def test_memory_costs_what_the_board_says_today():
    counts = replace(COUNTS[0], board="nucleo_h743zi", unaligned=2, fetched=1, flash_lines=3, ram_lines=5)
    timing = BOARDS["nucleo_h743zi"].timing
    assert timing is not None
    cycles = counts.cycles
    assert (cycles.issue, cycles.result_stalls) == (counts.issue, counts.result_stalls)
    assert cycles.unaligned == 2 * timing.unaligned
    assert (cycles.fetch, cycles.flash_data) == (timing.flash_line, 3 * timing.flash_line)
    assert cycles.ram_data == 5 * timing.ram_line


def test_errors_are_signed_percent_of_silicon():
    row = MEASURED[0]
    counts = record.counts_of(row, COUNTS)
    assert record.error_percent(row._replace(cycles=counts.cycles.total / 1.25), counts) == pytest.approx(25)
    assert record.largest([-9, 3]) == 9
    assert record.root_mean_square([-3, 4]) == pytest.approx(12.5**0.5)


def test_counts_are_read_as_written():
    assert record.read(record.written(COUNTS)) == COUNTS


@pytest.mark.parametrize(
    "change", [{"board": "none"}, {"issue": -1}, {"fetched": 0.5}, {"issue": None}, {"more": 1}]
)
def test_what_are_no_counts_is_refused(change):
    text = json.dumps([{**asdict(COUNTS[0]), **change}])
    with pytest.raises(UserError, match="--peers"):
        record.read(text)


def test_text_that_is_no_json_is_refused():
    with pytest.raises(UserError, match="cannot be read"):
        record.read("[")


def test_a_network_becomes_calls():
    network = read_network(read_model(small_network()))
    text = cmsis_nn.source(network)
    for layer in network.layers:
        assert layer.output in network.sizes
    assert len(re.findall(r"status = arm_|arm_softmax_s8\(", text)) == len(network.layers)


def test_activations_that_live_together_do_not_overlap():
    network = read_network(read_model(small_network()))
    offsets, size = network.offsets()
    assert max(offsets[n] + network.sizes[n] for n in offsets) == size
    for layer in network.layers:
        spans = [range(offsets[n], offsets[n] + network.sizes[n]) for n in {*layer.inputs, layer.output}]
        for i, a in enumerate(spans):
            assert not any(set(a) & set(b) for b in spans[i + 1 :])


def test_padding_goes_into_the_window():
    builder = ModelBuilder("padded")
    x = builder.input("x", (1, 6, 6, 2), 0.1, 3)
    x = builder.pad(x, ((0, 0), (1, 0), (2, 1), (0, 0)))
    weight, bias = np.ones((3, 3, 3, 2), np.int8), np.zeros(3, np.int32)
    builder.output(builder.conv2d(x, weight, bias, np.full(3, 0.01), 0.2, 0, stride=2, padding="VALID"))
    network = read_network(read_model(write_model(builder.finish())))
    (layer,) = network.layers
    assert layer.input_shape == (6, 6, 2)
    assert (layer.pad, layer.stride, layer.window) == ((1, 2), (2, 2), (3, 3))
    assert ".padding = {2, 1}" in cmsis_nn.source(network)


def test_an_operator_that_is_not_called_is_refused():
    builder = ModelBuilder("pooled")
    x = builder.input("x", (1, 4, 4, 2), 0.1, 0)
    builder.output(builder.max_pool2d(x, (2, 2)))
    with pytest.raises(UnsupportedError, match="MAX_POOL_2D is not called"):
        read_network(read_model(write_model(builder.finish())))


def test_arrays_are_printed_whole():
    text = array("int32_t", "x", np.array([-(2**31), 3], np.int32))
    assert text == "static const int32_t x[2] __attribute__((aligned(16))) = {(-2147483647 - 1), 3};"
