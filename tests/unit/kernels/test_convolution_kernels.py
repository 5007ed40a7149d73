"""Convolutions and FULLY_CONNECTED: generated C of both forms against the numpy reference, difference 0."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.unit.kernels import batch, geometry
from tvm_patch.kernels.conv2d import Conv2d
from tvm_patch.kernels.pointwise import Pointwise

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
def test_same_bits(kind: str, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many more, compiled fast."""
    monkeypatch.setattr(batch, "SANITIZERS", ["-O0"])
    batch.check(geometry.batch_of(KINDS[kind], seed, 140), tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_virtual_machine_gives_the_same_bits(kind: str) -> None:
    """The portable form through LLVM."""
    batch.check_on_virtual_machine(geometry.batch_of(KINDS[kind], 21, 10))


TILES = [(1, 1, 1, 0), (1, 4, 2, 0), (4, 1, 3, 1), (3, 3, 2, 9)]


@pytest.mark.parametrize(("channels", "columns", "unroll", "flatten"), TILES)
def test_tile_sizes(channels: int, columns: int, unroll: int, flatten: int, tmp_path: Path) -> None:
    """Any tile gives the same bits."""
    cases = geometry.batch_of(geometry.conv2d, 31, 6) + geometry.batch_of(geometry.pointwise, 31, 6)
    config = {"tile_channels": channels, "tile_columns": columns, "unroll": unroll, "flatten": flatten}
    for case in cases:
        case.kernel.config.update(config)
    batch.check(cases, tmp_path)


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


def test_pointwise_takes_only_dense_1x1() -> None:
    taken = {type(c.kernel) for c in geometry.batch_of(geometry.pointwise, 41, 5)}
    assert taken == {Pointwise}
    for case in geometry.batch_of(geometry.conv2d, 41, 40):
        dense = case.op.constants["weight"].shape[1:] == (1, 1, case.op.inputs[0].shape[3])
        assert type(case.kernel) is (Pointwise if dense else Conv2d)


def test_rows_are_read_in_place_without_padding() -> None:
    case = next(c for c in geometry.batch_of(geometry.pointwise, 51, 20) if not any(c.op.attrs["padding"]))
    assert not case.kernel.windows[0].buffered


@pytest.mark.parametrize("kind", KINDS)
def test_flash_is_weights_and_twelve_bytes_a_channel(kind: str) -> None:
    for case in geometry.batch_of(KINDS[kind], 61, 30):
        arrays = dict(case.kernel.constants)
        weight = arrays.pop("weight")
        np.testing.assert_array_equal(weight, case.op.constants["weight"])
        assert sum(a.nbytes for a in arrays.values()) <= 12 * case.op.constants["bias"].size


def test_config_does_not_change_constants() -> None:
    case = geometry.batch_of(geometry.conv2d, 71, 1)[0]
    other = type(case.kernel)(case.op, {"tile_channels": 1})
    for name, array in case.kernel.constants.items():
        np.testing.assert_array_equal(array, other.constants[name])
