"""Rearrangements: blocks of pixels to channels and back, channels shuffled."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from tests.unit.kernels.bands import check_rows, narrow_cases
from tests.unit.kernels.batch import Case, check, check_on_virtual_machine, make_case
from tests.unit.kernels.program import MACHINES, Machine
from tests.unit.kernels.randoms import int8
from tvm_patch.kernels import RowKernel
from tvm_patch.kernels.rearrange import Rearrange, RearrangePartOfRow, RearrangeRows

BLOCKS = ((2, 2), (3, 2), (1, 3), (2, 1), (4, 4))
ORDERS = tuple(permutations("ijc"))
"""In which order rows, columns and channels of a block are channels."""


def rearrange(data: np.ndarray, split: list[int], order: list[int], shape: tuple[int, ...]) -> Case:
    return make_case("rearrange", [data], {"split": split, "order": order, "shape": list(shape)})


def to_channels(rng: np.random.Generator, block: tuple[int, int], order: tuple[str, ...]) -> Case:
    """Blocks of pixels become channels."""
    (height, width, channels), (i, j) = (int(n) for n in rng.integers(1, 5, 3)), block
    data = int8(rng, (1, height * i, width * j, channels))
    axes = [0, 2, *({"i": 1, "j": 3, "c": 4}[name] for name in order)]
    return rearrange(data, [height, i, width, j, channels], axes, (1, height, width, i * j * channels))


def to_pixels(rng: np.random.Generator, block: tuple[int, int], order: tuple[str, ...]) -> Case:
    """Channels become blocks of pixels."""
    (height, width, channels), (i, j) = (int(n) for n in rng.integers(1, 5, 3)), block
    extents = {"i": i, "j": j, "c": channels}
    data = int8(rng, (1, height, width, i * j * channels))
    rows, columns, depth = (2 + order.index(name) for name in "ijc")
    split = [height, width, *(extents[name] for name in order)]
    return rearrange(data, split, [0, rows, 1, columns, depth], (1, height * i, width * j, channels))


def shuffled(rng: np.random.Generator, groups: int) -> Case:
    """Channels of groups become groups of channels."""
    height, width, channels = (int(n) for n in rng.integers(1, 6, 3))
    data = int8(rng, (1, height, width, groups * channels))
    return rearrange(data, [height * width, groups, channels], [0, 2, 1], data.shape)


def cases() -> list[Case]:
    rng = np.random.default_rng(1)
    made = [make(rng, b, o) for make in (to_channels, to_pixels) for b in BLOCKS for o in ORDERS]
    return [*made, *(shuffled(rng, groups) for groups in (2, 3, 4, 5))]


def whole() -> list[Case]:
    """Rows that are made of columns, of more rows than a function takes, or of a batch."""
    rng = np.random.default_rng(2)
    return [
        rearrange(int8(rng, (1, 4, 5, 3)), [4, 5, 3], [1, 0, 2], (1, 5, 4, 3)),
        rearrange(int8(rng, (1, 34, 2, 3)), [2, 17, 6], [0, 2, 1], (1, 2, 2, 51)),
        rearrange(int8(rng, (2, 4, 4, 3)), [4, 2, 2, 2, 3], [0, 2, 1, 3, 4], (2, 2, 2, 12)),
        rearrange(int8(rng, (4, 6)), [4, 6], [1, 0], (6, 4)),
    ]


@pytest.mark.parametrize("machine", MACHINES)
def test_rows_and_whole_tensors(machine: Machine, tmp_path: Path) -> None:
    by_rows, not_so = cases(), whole()
    assert all(isinstance(c.kernel, RowKernel) for c in by_rows)
    assert all(isinstance(c.kernel, Rearrange) for c in not_so)
    assert {RearrangeRows, RearrangePartOfRow} <= {b for c in by_rows for b in type(c.kernel).__mro__}
    check(by_rows + not_so, tmp_path, machine)


def test_any_columns_of_rows_that_are_made_of_columns_beside_each_other(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    made = [to_channels(rng, block, order) for block in BLOCKS for order in ORDERS]
    made += [shuffled(rng, groups) for groups in (2, 3)]
    assert all(isinstance(c.kernel, RowKernel) and c.kernel.bandable for c in made)
    check_rows(made, 4, tmp_path)
    check(narrow_cases(made), tmp_path)


def test_virtual_machine_gives_the_same_bits() -> None:
    check_on_virtual_machine(cases()[::7] + whole())
