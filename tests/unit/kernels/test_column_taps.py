"""Depthwise kernels of one column where rows have one output: pairs of rows, an odd one, groups that overlap."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from tests.unit.kernels import batch, geometry, program
from tvm_patch.kernels import kernel_for
from tvm_patch.kernels.c.arm.column_taps import ColumnTaps, column_taps, column_words, group_code
from tvm_patch.kernels.c.arm.direct_taps import DirectTaps, row_cycles
from tvm_patch.kernels.c.arm.rescaling import Rescaling
from tvm_patch.kernels.c.arm.scheduling import for_two_issues
from tvm_patch.kernels.c.depthwise_column import ColumnDepthwise
from tvm_patch.targets import CORTEX_M4, CORTEX_M7
from tvm_patch.targets.pipeline import block_cost

ROWS = range(1, 17)
RESCALINGS = [
    Rescaling(1, signed=True, base=-5),
    Rescaling(5, signed=False),
    Rescaling(3, signed=False, raised=2, clamp=(-100, 90)),
]
DUAL = pytest.mark.parametrize("dual", [False, True])


def column_case(rng: np.random.Generator, rows: int, data: np.ndarray, weight: np.ndarray) -> batch.Case:
    """Return a case whose rows go on by one or two, with rows above and below that are padding."""
    constants = {"weight": weight, **geometry.rescaling(rng, weight.shape[3], rows)}
    before, after = (int(rng.integers(0, rows)) for _ in range(2))
    attrs = {"strides": [int(rng.integers(1, 3)), 1], "dilation": [int(rng.integers(1, 3)), 1]}
    attrs |= {"padding": [before, 0, after + rows, 0], **geometry.zero_points(rng)}
    return batch.make_case("depthwise_conv2d", [data], attrs, constants)


def cases_of(make, dual: bool, each: int) -> list[batch.Case]:
    """Return `each` cases of every number of rows, of those that this kernel takes."""
    rng, found = np.random.default_rng(3), []
    for rows in ROWS:
        drawn = (make(rng, rows) for _ in itertools.count())
        taken = (c for c in drawn if isinstance(c.kernel, ColumnDepthwise))
        found += list(itertools.islice(taken, each))
    for case in found:
        case.kernel = ColumnDepthwise(case.op, {"dual": dual})
        assert case.kernel.scratch_bytes == 0
    return found


def any_numbers(rng: np.random.Generator, rows: int) -> batch.Case:
    channels = int(rng.choice([4, 5, 6, 7, 8, 11, 12, 18]))
    height = rows + int(rng.integers(0, 4))
    data, weight = geometry.int8(rng, 1, height, 1, channels), geometry.int8(rng, 1, rows, 1, channels)
    return column_case(rng, rows, data, weight)


def ends(rng: np.random.Generator, rows: int) -> batch.Case:
    """Every pair of an input and a weight at the ends of int8 in some channel, the same in all rows."""
    pairs = list(itertools.product((-128, 127), (-128, -127, 127)))
    data = np.tile(np.array([x for x, _ in pairs], np.int8), (1, rows + 1, 1, 1))
    weight = np.tile(np.array([w for _, w in pairs], np.int8), (1, rows, 1, 1))
    return column_case(rng, rows, data, weight)


@pytest.mark.parametrize("machine", program.MACHINES)
@DUAL
def test_any_number_of_rows_and_channels(dual: bool, machine: program.Machine, tmp_path: Path) -> None:
    cases = cases_of(any_numbers, dual, 4)
    kernels = [c.kernel for c in cases]
    assert {k.steps.usual.signed for k in kernels} == {k.traits["clamped"] for k in kernels} == {False, True}
    assert any(k.steps.usual.raised for k in kernels)
    assert {c.op.outputs[0].shape[3] % 4 for c in cases} == {0, 1, 2, 3}
    batch.check(cases, tmp_path, machine)


@pytest.mark.parametrize("machine", program.MACHINES)
@DUAL
def test_ends_of_int8(dual: bool, machine: program.Machine, tmp_path: Path) -> None:
    """All rows give products of one sign: sums as large as they get."""
    batch.check(cases_of(ends, dual, 2), tmp_path, machine)


@pytest.mark.parametrize("machine", program.MACHINES)
@DUAL
def test_groups_with_a_rescaling_of_their_own(dual: bool, machine: program.Machine, tmp_path: Path) -> None:
    """Cases of 3×3 kernels, their weights one below the other, so that sums stay as they are."""
    rng, found = np.random.default_rng(5), []
    for case in geometry.batch_of(geometry.steep_and_fine, 39, 120):
        channels = case.op.outputs[0].shape[3]
        if case.op.constants["weight"].size == 9 * channels:
            weight = case.op.constants["weight"].reshape(1, 9, 1, channels)
            data = geometry.int8(rng, 1, 6, 1, channels)
            attrs = case.op.attrs | {"padding": [4, 0, 4, 0]}
            one = batch.make_case("depthwise_conv2d", [data], attrs, {**case.op.constants, "weight": weight})
            if isinstance(one.kernel, ColumnDepthwise) and len(one.kernel.steps.forms) == 2:
                one.kernel = ColumnDepthwise(one.op, {"dual": dual})
                found.append(one)
    assert len(found) >= 5
    batch.check(found, tmp_path, machine)


def test_boards_have_it_for_either_core() -> None:
    case = cases_of(any_numbers, False, 1)[4]
    for target, dual in ((CORTEX_M4, False), (CORTEX_M7, True)):
        kernel = kernel_for(case.op, target)
        assert isinstance(kernel, ColumnDepthwise)
        assert kernel.config == {"dual": dual}


def test_weights_lie_as_two_rows_are_rearranged() -> None:
    """Of rows of 1 2 3 4, 5 6 7 8 and 9 10 11 12."""
    weight = np.arange(1, 13, dtype=np.int8).reshape(3, 4)
    assert column_words(weight).view(np.int8).tolist() == [1, 2, 5, 6, 3, 4, 7, 8, 9, 10, 11, 12]
    assert column_words(weight[:1]).view(np.int8).tolist() == [1, 2, 3, 4]


def cycles(taps: ColumnTaps) -> float:
    """Return what four channels take by the core's model."""
    code = group_code(taps)
    return block_cost(tuple(for_two_issues(code) if taps.dual else code), core(taps.dual)).cycles


def core(dual: bool) -> str:
    return "cortex-m7" if dual else "cortex-m4"


@DUAL
@pytest.mark.parametrize("rescaling", RESCALINGS)
def test_fewer_cycles_than_row_by_row(rescaling: Rescaling, dual: bool) -> None:
    """Than the code for rows of any width, whatever the number of rows."""
    for rows in ROWS:
        direct = DirectTaps(rows, 1, 1, 1, 128, 1, False, False, rescaling, dual)
        assert cycles(ColumnTaps(rows, rescaling, dual)) < row_cycles(direct, 1), rows


@pytest.mark.parametrize(("dual", "most"), [(False, 21.0), (True, 11.0)])
@pytest.mark.parametrize("rescaling", RESCALINGS)
def test_what_two_rows_more_take(rescaling: Rescaling, dual: bool, most: float) -> None:
    """Twenty instructions; ten of them do not go beside each other on a core that issues two."""
    few, many = ColumnTaps(2, rescaling, dual), ColumnTaps(16, rescaling, dual)
    assert len(group_code(many)) - len(group_code(few)) == 7 * 20
    assert (cycles(many) - cycles(few)) / 7 <= most


def test_code_names_its_form() -> None:
    names = [column_taps(ColumnTaps(10, RESCALINGS[0], dual)).stem for dual in (False, True)]
    assert names == ["column_10", "column_10_dual"]
