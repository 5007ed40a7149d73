"""RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.kernels.batch import Case, check, check_on_virtual_machine, make_case
from tests.unit.kernels.program import MACHINES, Machine
from tests.unit.kernels.randoms import int8
from tvm_patch.kernels import RowKernel

FLAGS = ((False, False), (True, False), (False, True))


def random_cases(kind: str) -> list[Case]:
    rng = np.random.default_rng(1)
    cases = []
    for i in range(60):
        align, half = FLAGS[i % 3]
        height, width = (int(n) for n in rng.integers(1, 9, 2))
        size = [2 * height, 3 * width] if i % 4 == 0 else [int(n) for n in rng.integers(1, 17, 2)]
        data = int8(rng, (1 + (i % 5 == 0), height, width, int(rng.integers(1, 6))))
        if i % 3 == 0:  # the ends only
            data = np.where(data < 0, -128, 127).astype(np.int8)
        attrs = {"size": size, "align_corners": align, "half_pixel_centers": half}
        cases.append(make_case(kind, [data], attrs))
    return cases


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("kind", ["resize_nearest", "resize_bilinear"])
def test_random_sizes(kind: str, machine: Machine, tmp_path):
    cases = random_cases(kind)
    by_rows = [isinstance(c.kernel, RowKernel) for c in cases]
    assert by_rows == [c.op.inputs[0].shape[0] == 1 for c in cases]
    check(cases, tmp_path, machine)


@pytest.mark.parametrize("kind", ["resize_nearest", "resize_bilinear"])
def test_virtual_machine_gives_the_same_bits(kind: str):
    check_on_virtual_machine(random_cases(kind)[:15])


def test_rows_that_float32_moves_off_their_line_are_made_from_whole_tensors(tmp_path):
    """TFLite computes positions in float32: 26 rows from 22 begin elsewhere than the ratio says."""
    data = int8(np.random.default_rng(2), (1, 26, 3, 2))
    attrs = {"size": [22, 4], "align_corners": False, "half_pixel_centers": False}
    case = make_case("resize_nearest", [data], attrs)
    assert not isinstance(case.kernel, RowKernel)
    check([case], tmp_path)


def test_integer_factors_need_no_tables():
    data = np.zeros((1, 4, 5, 3), np.int8)
    attrs = {"size": [8, 15], "align_corners": False, "half_pixel_centers": False}
    assert make_case("resize_nearest", [data], attrs).kernel.constants == {}
