"""Convolutions and FULLY_CONNECTED: generated C of every kernel against the numpy reference, difference 0."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.unit.kernels import batch, geometry, program
from tvm_patch.kernels.c.conv2d import TiledConv2d
from tvm_patch.kernels.c.conv2d_dot import DotConv2d
from tvm_patch.kernels.c.depthwise_column import ColumnDepthwise
from tvm_patch.kernels.c.depthwise_conv2d import PackedDepthwise
from tvm_patch.kernels.c.depthwise_direct import DirectDepthwise
from tvm_patch.kernels.c.depthwise_paired import PairedDepthwise
from tvm_patch.kernels.c.fully_connected import TiledFullyConnected
from tvm_patch.kernels.c.fully_connected_dot import DotFullyConnected
from tvm_patch.targets import CORTEX_M4, CORTEX_M7, TIR

KINDS = {
    "conv2d": geometry.conv2d,
    "pointwise": geometry.pointwise,
    "depthwise": geometry.depthwise,
    "fully_connected": geometry.fully_connected,
    "transpose": geometry.transpose,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [1, 2])
def test_same_bits_within_bounds(kind: str, seed: int, tmp_path: Path) -> None:
    """AddressSanitizer and UBSan watch these."""
    batch.check(geometry.batch_of(KINDS[kind], seed, 15), tmp_path)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [11, 12])
@pytest.mark.slow
def test_same_bits(kind: str, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many more, compiled fast."""
    monkeypatch.setattr(batch, "SANITIZERS", ["-O0"])
    batch.check(geometry.batch_of(KINDS[kind], seed, 140), tmp_path)


@pytest.mark.parametrize("kind", ["conv2d", "pointwise", "depthwise", "fully_connected"])
@pytest.mark.parametrize("seed", [13, pytest.param(14, marks=pytest.mark.slow)])
def test_same_bits_on_a_cortex_m7(kind: str, seed: int, tmp_path: Path) -> None:
    """The assembly, on the emulated core; writes outside the blocks are seen."""
    batch.check(geometry.batch_of(KINDS[kind], seed, 120), tmp_path, "cortex-m7")


@pytest.mark.parametrize("kind", KINDS)
def test_virtual_machine_gives_the_same_bits(kind: str) -> None:
    """Plain TIR through LLVM."""
    batch.check_on_virtual_machine(geometry.batch_of(KINDS[kind], 21, 10))


TILES = [(1, 1, 1, 0), (1, 4, 2, 0), (4, 1, 3, 1), pytest.param(3, 3, 2, 9, marks=pytest.mark.slow)]


@pytest.mark.parametrize(("channels", "columns", "unroll", "flatten"), TILES)
def test_tile_sizes(channels: int, columns: int, unroll: int, flatten: int, tmp_path: Path) -> None:
    """Any tile of the general kernel gives the same bits."""
    cases = geometry.batch_of(geometry.conv2d, 31, 6) + geometry.batch_of(geometry.pointwise, 31, 6)
    config = {"tile_channels": channels, "tile_columns": columns, "unroll": unroll, "flatten": flatten}
    for case in cases:
        case.kernel = TiledConv2d(case.op, config)
    batch.check(cases, tmp_path)


def of_class(kind: str, wanted: type, seed: int, count: int) -> list[batch.Case]:
    """Return random operators that one kernel class takes."""
    found = [c for c in geometry.batch_of(KINDS[kind], seed, 20 * count) if type(c.kernel) is wanted]
    assert len(found) >= count
    return found[:count]


@pytest.mark.parametrize("machine", program.MACHINES)
@pytest.mark.parametrize(("pixels", "group", "unroll"), [(1, 2, 1), (1, 4, 2), (2, 2, 3), (3, 2, 8)])
@pytest.mark.parametrize("dual", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_dot_tiles(
    pixels: int, group: int, unroll: int, dual: bool, machine: program.Machine, tmp_path: Path
) -> None:
    """Any tile gives the same bits."""
    cases = of_class("pointwise", DotConv2d, 32, 12) + of_class("conv2d", DotConv2d, 32, 12)
    cases = [c for c in cases if c.op.outputs[0].shape[3] >= group]
    for case in cases:
        case.kernel = DotConv2d(
            case.op, {"pixels": pixels, "group": group, "unroll": unroll, "direct": False, "dual": dual}
        )
    batch.check(cases, tmp_path, machine)


@pytest.mark.parametrize("machine", program.MACHINES)
@pytest.mark.parametrize("group", [2, 4])
@pytest.mark.parametrize("dual", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_pixels_that_are_not_widened(
    group: int, dual: bool, machine: program.Machine, tmp_path: Path
) -> None:
    """1×1 kernels over whole fours of channels need no scratch."""
    cases = [c for c in of_class("pointwise", DotConv2d, 34, 25) if c.op.inputs[0].shape[3] % 4 == 0]
    cases = [c for c in cases if c.op.outputs[0].shape[3] >= group]
    for case in cases:
        case.kernel = DotConv2d(
            case.op, {"pixels": 1, "group": group, "unroll": 2, "direct": True, "dual": dual}
        )
        assert case.kernel.scratch_bytes == 0
    batch.check(cases, tmp_path, machine)


@pytest.mark.parametrize("machine", program.MACHINES)
@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("dual", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_fully_connected_inputs_widened_or_not(
    direct: bool, dual: bool, machine: program.Machine, tmp_path: Path
) -> None:
    cases = of_class("fully_connected", DotFullyConnected, 36, 15)
    if direct:
        cases = [c for c in cases if c.op.constants["weight"].shape[1] % 4 == 0]
    for case in cases:
        case.kernel = DotFullyConnected(case.op, {"direct": direct, "dual": dual})
    assert cases
    batch.check(cases, tmp_path, machine)


@pytest.mark.parametrize("machine", program.MACHINES)
@pytest.mark.parametrize("dual", [False, True])
@pytest.mark.parametrize("kind", ["conv2d", "pointwise", "depthwise"])
def test_a_channel_steeper_than_the_others(
    kind: str, dual: bool, machine: program.Machine, tmp_path: Path
) -> None:
    """Accumulators are raised first."""
    found = [
        c
        for c in geometry.batch_of(KINDS[kind], 37, 300)
        if (isinstance(c.kernel, DotConv2d) and c.kernel.steps.raised)
        or (isinstance(c.kernel, PairedDepthwise | DirectDepthwise) and c.kernel.steps.usual.raised)
    ]
    assert len(found) >= 5
    for case in found:
        case.kernel = type(case.kernel)(case.op, {"dual": dual})
    batch.check(found, tmp_path, machine)


@pytest.mark.parametrize("machine", program.MACHINES)
@pytest.mark.parametrize("dual", [False, True])
@pytest.mark.parametrize("kernel_class", [PairedDepthwise, DirectDepthwise])
def test_groups_of_channels_with_a_rescaling_of_their_own(
    kernel_class: type[PairedDepthwise | DirectDepthwise],
    dual: bool,
    machine: program.Machine,
    tmp_path: Path,
) -> None:
    """Steep channels among fine ones: at the start, in the middle, in a last group that overlaps."""
    found = []
    for case in geometry.batch_of(geometry.steep_and_fine, 39, 120):
        if kernel_class.accepts(case.op):
            case.kernel = kernel_class(case.op, kernel_class.default_config(case.op) | {"dual": dual})
            found += [case] if len(case.kernel.steps.forms) == 2 else []
    channels = {c.op.outputs[0].shape[3] % 4 for c in found}
    assert len(found) >= 15
    assert len(channels) == 4
    batch.check(found, tmp_path, machine)


@pytest.mark.parametrize("kind", ["conv2d", "pointwise", "depthwise", "fully_connected"])
def test_more_scratch_makes_wider_tiles(kind: str) -> None:
    """A kernel keeps within what it is given, and never falls back behind what it has."""
    for case in geometry.batch_of(KINDS[kind], 35, 60):
        kernel = case.kernel
        for scratch in (0, 100, 1000, 10_000):
            wider = kernel.within(scratch)
            assert wider is kernel or kernel.scratch_bytes < wider.scratch_bytes <= scratch


@pytest.mark.parametrize("machine", program.MACHINES)
@pytest.mark.parametrize(("block", "outputs"), [(1, 1), (2, 2), (3, 2), (7, 3), (100, 4)])
@pytest.mark.parametrize("dual", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_depthwise_tiles(
    block: int, outputs: int, dual: bool, machine: program.Machine, tmp_path: Path
) -> None:
    """Any cut of a row in blocks and tiles gives the same bits."""
    cases = [c for c in geometry.batch_of(geometry.depthwise, 33, 300) if PairedDepthwise.accepts(c.op)]
    assert len(cases) >= 20
    for case in cases:
        width = case.op.outputs[0].shape[2]
        config = {"block": min(block, width), "outputs": min(outputs, width), "dual": dual}
        case.kernel = PairedDepthwise(case.op, config)
    batch.check(
        [c for c in cases if c.kernel.tile(c.kernel.config["outputs"], whole=False).fits], tmp_path, machine
    )


@pytest.mark.parametrize("machine", program.MACHINES)
@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("dual", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_depthwise_straight_from_the_rows(
    outputs: int, held: bool, dual: bool, machine: program.Machine, tmp_path: Path
) -> None:
    """Tiles of one output or two, rows of odd and even width, of one output too."""
    cases = of_class("depthwise", DirectDepthwise, 38, 20)
    cases = [c for c in cases if c.op.outputs[0].shape[2] > outputs or not held]
    for case in cases:
        case.kernel = DirectDepthwise(
            case.op, {"outputs": min(outputs, case.op.outputs[0].shape[2]), "held": held, "dual": dual}
        )
        assert case.kernel.scratch_bytes == 0
    assert {c.op.outputs[0].shape[2] % 2 for c in cases} == {0, 1}
    batch.check(cases, tmp_path, machine)


@pytest.mark.parametrize("kind", KINDS)
def test_sums_that_may_leave_int32(kind: str, tmp_path: Path) -> None:
    """Biases at the ends of int32: partial sums wrap, finished ones do not, and nothing is undefined."""
    cases = []
    for case in geometry.batch_of(KINDS[kind], 81, 4):
        limit = np.iinfo(np.int32).max - 40
        signs = np.where(np.arange(case.op.constants["bias"].size) % 2, 1, -1)
        constants = {**case.op.constants, "bias": (signs * limit).astype(np.int32)}
        weight = constants["weight"] // 100
        constants["weight"] = np.where(np.cumsum(weight != 0).reshape(weight.shape) <= 16, weight, 0).astype(
            np.int8
        )
        data = [np.full_like(x, case.op.attrs["input_zero_point"]) for x in case.inputs]
        cases.append(batch.make_case(case.op.kind, data, dict(case.op.attrs), constants))
    assert any(c.kernel.requantizer.wraps for c in cases)
    batch.check(cases, tmp_path)


@pytest.mark.parametrize(
    ("kind", "fast", "general"),
    [
        ("conv2d", {DotConv2d}, TiledConv2d),
        ("pointwise", {DotConv2d}, TiledConv2d),
        ("depthwise", {ColumnDepthwise, DirectDepthwise, PairedDepthwise}, PackedDepthwise),
        ("fully_connected", {DotFullyConnected}, TiledFullyConnected),
    ],
)
def test_boards_have_fast_kernels_and_a_general_one(kind: str, fast: set[type], general: type) -> None:
    """The fast ones where rescaling takes two instructions, the general one for everything else."""
    taken = {type(c.kernel) for c in geometry.batch_of(KINDS[kind], 41, 60)}
    assert taken == {*fast, general}
    assert {c.kernel.isa for c in geometry.batch_of(KINDS[kind], 41, 60)} == {"c"}


def test_one_instruction_a_cycle_rearranges_wide_rows() -> None:
    """At stride 1; kernels of up to three columns read the rows as they are otherwise, and on a Cortex-M7 always."""
    kernels = {
        (target.name, stride): type(geometry.depthwise_of(40, stride).on(target))
        for target in (CORTEX_M4, CORTEX_M7)
        for stride in (1, 2)
    }
    assert kernels.pop((CORTEX_M4.name, 1)) is PairedDepthwise
    assert set(kernels.values()) == {DirectDepthwise}


@pytest.mark.parametrize("kind", KINDS)
def test_the_virtual_machine_has_one_that_calls_no_c(kind: str) -> None:
    """It is the class from which those for boards derive."""
    for case in geometry.batch_of(KINDS[kind], 42, 20):
        plain = case.on(TIR)
        assert plain.isa == "tir"
        assert isinstance(case.kernel, type(plain))


def test_rows_are_read_in_place_without_padding() -> None:
    case = next(c for c in geometry.batch_of(geometry.pointwise, 51, 20) if not any(c.op.attrs["padding"]))
    assert not case.kernel.windows[0].buffered


@pytest.mark.parametrize("kind", KINDS)
def test_flash_is_weights_and_a_few_words_a_channel(kind: str) -> None:
    for case in geometry.batch_of(KINDS[kind], 61, 30):
        arrays = dict(case.kernel.constants)
        channels, weights = case.op.constants["bias"].size, case.op.constants["weight"].size
        if "stream" in arrays:
            # Sixteen bytes of rescaling, weights filled up to whole words a row, one group twice at most.
            rows = case.op.constants["weight"].shape[1] if kind == "depthwise" else 1
            assert arrays["stream"].nbytes <= (16 + weights // channels + 3 * (rows + 1)) * (channels + 3)
            continue
        weight = arrays.pop("weight")
        np.testing.assert_array_equal(weight, case.op.constants["weight"])
        assert sum(a.nbytes for a in arrays.values()) <= 12 * channels


def test_config_does_not_change_constants() -> None:
    case = geometry.batch_of(geometry.conv2d, 71, 1)[0]
    kernel, other = TiledConv2d(case.op), TiledConv2d(case.op, {"tile_channels": 1})
    for name, array in kernel.constants.items():
        np.testing.assert_array_equal(array, other.constants[name])
