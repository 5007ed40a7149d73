"""Winograd's kernel: generated C against the numpy reference, difference 0, and when it is chosen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.unit.kernels import batch, winograd_cases
from tests.unit.kernels.bands import check_rows, narrow_cases
from tests.unit.kernels.program import MACHINES, Machine
from tvm_patch.graph import Operator
from tvm_patch.kernels import kernel_for
from tvm_patch.kernels.base import PREFERENCES, Preference
from tvm_patch.kernels.c.arm.rescaling import Rescaling
from tvm_patch.kernels.c.arm.scheduling import schedule
from tvm_patch.kernels.c.arm.winograd_dot import WinogradTile, winograd_dot
from tvm_patch.kernels.c.conv2d_dot import DotConv2d
from tvm_patch.kernels.c.conv2d_winograd import blocks_of
from tvm_patch.kernels.c.winograd_choice import DUAL, SINGLE, Rates
from tvm_patch.targets import CORTEX_M4, CORTEX_M7, DataMemory, Target
from tvm_patch.targets.pipeline import block_cost

TILES = [1, 2, 3, 4]


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("tiles", TILES)
@pytest.mark.parametrize("dual", [False, True])
def test_same_bits(tiles: int, dual: bool, machine: Machine, tmp_path: Path) -> None:
    """Any number of tiles; weights and zero points at both ends, one column to many, one channel left over."""
    if machine == "host" and dual:
        pytest.skip("the portable body is the same")
    batch.check(winograd_cases.cases_of(61 + tiles, 24, tiles=tiles, dual=dual), tmp_path, machine)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("tiles", TILES)
@pytest.mark.parametrize("dual", [False, True])
def test_any_columns(tiles: int, dual: bool, machine: Machine, tmp_path: Path) -> None:
    """Ranges of columns down to a single one, of which nothing beyond the last one's inputs is read."""
    if machine == "host" and dual:
        pytest.skip("the portable body is the same")
    check_rows(winograd_cases.cases_of(71 + tiles, 16, tiles=tiles, dual=dual), 4, tmp_path, machine)


@pytest.mark.parametrize("tiles", TILES)
@pytest.mark.parametrize("dual", [False, True])
def test_bands_narrower_than_a_block(tiles: int, dual: bool, tmp_path: Path) -> None:
    """A band's rows keep the constants and the tiles of whole rows."""
    wide = [c for c in winograd_cases.cases_of(81 + tiles, 16, tiles=tiles, dual=dual) if c.kernel._tiles_now]
    batch.check(narrow_cases(wide), tmp_path)


@pytest.mark.parametrize("most", TILES)
def test_blocks_cover_a_row(most: int) -> None:
    """Once, except for the last tile where a block of a single one would be left over."""
    for tiles in range(1, 30):
        blocks = list(blocks_of(tiles, most))
        made = [
            first + size * i + t for size, first, count in blocks for i in range(count) for t in range(size)
        ]
        assert made in (list(range(tiles)), list(range(tiles + 1)))
        sizes = {size for size, _, _ in blocks}
        assert max(sizes) <= most
        assert 1 not in sizes or sizes == {1}


def resnet_layer(width: int = 16, inputs: int = 32, outputs: int = 32, **attrs: list[int]) -> Operator:
    """A layer with scales as networks have them."""
    rng = np.random.default_rng(9)
    weight = rng.integers(-127, 128, (outputs, 3, 3, inputs)).astype(np.int8)
    constants = {
        "weight": weight,
        "bias": rng.integers(-2000, 2000, outputs).astype(np.int32),
        "multiplier": rng.integers(1 << 30, (1 << 31) - 1, outputs).astype(np.int32),
        "shift": np.full(outputs, -9, np.int32),
    }
    geometry = {"strides": [1, 1], "dilation": [1, 1], "padding": [1, 1, 1, 1], **attrs}
    points = {"input_zero_point": -128, "output_zero_point": -5, "act_min": -128, "act_max": 127}
    data = rng.integers(-128, 128, (1, 6, width, inputs)).astype(np.int8)
    return batch.make_case("conv2d", [data], {**geometry, **points}, constants).op


@pytest.mark.parametrize("target", [CORTEX_M4, CORTEX_M7])
def test_chosen_with_enough_scratch(target: Target) -> None:
    kernel = kernel_for(resnet_layer(), target)
    plain = DotConv2d(kernel.op, {k: v for k, v in kernel.config.items() if k != "tiles"})
    # Plans reckon with the scratch, and without more of it boards run the code, of dot products.
    assert kernel.scratch_bytes == plain.scratch_bytes
    np.testing.assert_array_equal(kernel.constants["stream"], plain.constants["stream"])
    assert [kernel.within(n).config["tiles"] for n in (0, 1535, 1536, 3071, 3072, 9999)] == [0, 0, 2, 3, 4, 4]
    wide = kernel.within(4096)
    assert wide.scratch_bytes == 3072
    assert wide.within(1536) is wide
    weights = kernel.op.constants["weight"].nbytes
    assert wide.constants["stream"].nbytes == 24 * weights // 9 + 16 * 32


@pytest.mark.parametrize("preference", PREFERENCES)
def test_size_takes_dot_products(preference: Preference) -> None:
    """Their weights are smaller."""
    kernel = kernel_for(resnet_layer(), CORTEX_M4).preferring(preference).within(4096)
    if preference == "size":
        assert type(kernel) is DotConv2d
    else:
        assert kernel.config["tiles"] == 4


@pytest.mark.parametrize(
    "op",
    [
        {"strides": [1, 2]},
        {"strides": [2, 1]},
        {"dilation": [1, 2], "padding": [1, 2, 1, 2]},
        {"inputs": 6},
        {"inputs": 4},
        {"outputs": 3},
        {"width": 1},
    ],
)
def test_other_layers_are_left_to_dot_products(op: dict) -> None:
    assert type(kernel_for(resnet_layer(**op), CORTEX_M7)) is DotConv2d


@pytest.mark.parametrize(
    ("rates", "width", "inputs", "scratch", "tiles"),
    [
        (SINGLE, 16, 32, 4096, 4),
        (SINGLE, 5, 16, 4096, 0),  # eight columns are computed for five
        (SINGLE, 6, 16, 4096, 3),
        (
            SINGLE,
            6,
            64,
            4096,
            0,
        ),  # there is scratch for two tiles only, so that eight columns are computed for six
        (DUAL, 8, 64, 4096, 2),
        (DUAL, 10, 64, 4096, 0),  # weights stream from flash for every two tiles
        (DUAL, 3, 16, 4096, 0),
    ],
)
def test_chosen_where_it_is_faster(rates: Rates, width: int, inputs: int, scratch: int, tiles: int) -> None:
    """Each is a layer whose cycles were compared."""
    kernel = kernel_for(resnet_layer(width, inputs, inputs), CORTEX_M7 if rates is DUAL else CORTEX_M4)
    assert kernel.within(scratch).config.get("tiles", 0) == tiles


@pytest.mark.parametrize(("cache", "reads"), [(64 * 1024, 1), (16 * 1024, 6 * 2)])
def test_every_block_reads_all_weights(cache: int, reads: int) -> None:
    """24.5 KB of them, two blocks for each of six rows; loops have no other order."""
    kernel = kernel_for(resnet_layer(), CORTEX_M7).within(4096)
    memory = DataMemory(cache, 32, 9.0, 0.0)
    assert kernel.constant_reads(memory, alone=True) == reads
    assert kernel.blocked(1 << 16, memory, alone=True) is kernel


def test_fewer_cycles_by_the_model() -> None:
    """The inner loops: what 24 multiplications take directly."""
    rescaling = Rescaling(5, signed=False)
    for core, dual, most in (("cortex-m4", False, 18.0), ("cortex-m7", True, 8.5)):
        code = winograd_dot(WinogradTile(4, 3, rescaling, dual)).assembly
        loop = code[code.index("2:") + 1 : code.index("bne 2b") + 1]
        assert block_cost(tuple(loop), core).cycles / 6 <= most


def test_a_load_into_the_program_counter_stays_last() -> None:
    code = ["ldr r3, [sp, #4]", "add r0, r3", "strb r0, [r1]", "ldr pc, [sp, #8]"]
    assert schedule(code)[-1] == code[-1]
