"""Row kernels that make some of their output columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.unit.kernels import batch, geometry
from tests.unit.kernels.bands import check_rows, narrow_cases
from tests.unit.kernels.batch import Case, make_case
from tests.unit.kernels.pools import random_pools
from tests.unit.kernels.program import MACHINES, Machine
from tests.unit.kernels.randoms import int8, scale, zero_point
from tvm_patch.integer import add_attrs, mul_attrs, prelu_attrs, softmax_attrs
from tvm_patch.kernels import RowKernel
from tvm_patch.kernels.conv2d import Conv2d
from tvm_patch.kernels.depthwise_conv2d import DepthwiseConv2d

CONVOLUTIONS = {
    "conv2d": geometry.conv2d,
    "pointwise": geometry.pointwise,
    "depthwise": geometry.depthwise,
}
TILES = [(1, 4, 2, 0), (4, 1, 3, 1), (3, 3, 2, 9)]


def bandable(cases: list[Case]) -> list[Case]:
    return [c for c in cases if isinstance(c.kernel, RowKernel) and c.kernel.bandable]


@pytest.mark.parametrize("kind", CONVOLUTIONS)
@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.slow
def test_convolutions(kind: str, machine: Machine, tmp_path: Path) -> None:
    check_rows(geometry.batch_of(CONVOLUTIONS[kind], 101, 30), 1, tmp_path, machine)


@pytest.mark.parametrize("kind", CONVOLUTIONS)
@pytest.mark.parametrize("scratch", [0, 4096])
def test_bands_of_a_fixed_width(kind: str, scratch: int, tmp_path: Path) -> None:
    """Kernels keep the variant that was chosen for whole rows."""
    cases = geometry.batch_of(CONVOLUTIONS[kind], 131, 20)
    for case in cases:
        case.kernel = case.kernel.within(scratch)
    batch.check(narrow_cases(cases), tmp_path)


@pytest.mark.parametrize("config", TILES)
@pytest.mark.slow
def test_tile_sizes(config: tuple[int, int, int, int], tmp_path: Path) -> None:
    """Tails of any length, down to fewer columns than a tile has."""
    cases = geometry.batch_of(geometry.conv2d, 111, 5) + geometry.batch_of(geometry.pointwise, 112, 6)
    cases += geometry.batch_of(geometry.depthwise, 113, 5)
    names = ("tile_channels", "tile_columns", "unroll", "flatten")
    for case in cases:
        general = DepthwiseConv2d if case.op.kind == "depthwise_conv2d" else Conv2d
        case.kernel = general(case.op, dict(zip(names, config, strict=True)))
    check_rows(cases, 2, tmp_path)


@pytest.mark.parametrize("kind", ["max_pool2d", "avg_pool2d"])
def test_pools(kind: str, tmp_path: Path) -> None:
    check_rows(bandable(random_pools(kind, 30, seed=121)), 3, tmp_path)


def arithmetic(rng: np.random.Generator, activation: str = "NONE") -> dict:
    pairs = [(scale(rng), zero_point(rng)) for _ in range(3)]
    (ls, lz), (rs, rz), (os, oz) = pairs
    return add_attrs(ls, lz, rs, rz, os, oz, activation)


def elementwise_cases(rng: np.random.Generator) -> list[Case]:
    """Return every element-wise kernel, with operands that broadcast and constant ones."""
    cases: list[Case] = []
    others = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 1, 1), (0, 0, 0), (1, 0, 1))
    for i, ones in enumerate(others):
        shape = (1, 3, int(rng.integers(1, 9)), int(rng.integers(1, 10)) if i % 2 else 8)
        other = (1, *(1 if one else n for one, n in zip(ones, shape[1:], strict=True)))
        a, b = int8(rng, shape), int8(rng, other)
        s, z = [scale(rng) for _ in range(3)], [zero_point(rng) for _ in range(3)]
        product = mul_attrs(s[0], z[0], s[1], z[1], s[2], z[2], "RELU6")
        for kind, attrs in (("add", arithmetic(rng)), ("sub", arithmetic(rng, "RELU")), ("mul", product)):
            cases.append(make_case(kind, [a, b], attrs))
            cases.append(make_case(kind, [b, a], attrs))
            if ones[0]:
                cases.append(make_case(kind, [a], attrs, {"rhs": b}))
        cases += [make_case(kind, [a, b], {}) for kind in ("maximum", "minimum")]
        table = rng.integers(-128, 128, 256).astype(np.int8)
        cases.append(make_case("lookup", [a], {"dtype": "int8"}, {"table": table}))
        quantization = {"scale": s[0], "zero_point": z[0]}
        real = rng.normal(0, 80 * s[0], shape).astype(np.float32)
        cases.append(make_case("quantize", [real], {**quantization, "dtype": "int8"}))
        cases.append(make_case("dequantize", [a], quantization))
        if shape[2] > 1:
            cases.append(make_case("softmax", [a], softmax_attrs(float(s[0]) * 4)))
    return cases


def test_elementwise(tmp_path: Path) -> None:
    """Every second one runs in place where its sizes allow."""
    cases = elementwise_cases(np.random.default_rng(131))
    chosen = bandable(cases)
    assert {c.op.kind for c in chosen} == {c.op.kind for c in cases}
    check_rows(chosen, 4, tmp_path)


def test_prelu(tmp_path: Path) -> None:
    rng, cases = np.random.default_rng(141), []
    for width, channels in ((7, 5), (1, 4), (6, 8)):
        attrs = prelu_attrs(
            scale(rng), zero_point(rng), scale(rng), zero_point(rng), scale(rng), zero_point(rng)
        )
        constants = {"alpha": int8(rng, (1, 1, channels))}
        cases.append(make_case("prelu", [int8(rng, (1, 3, width, channels))], attrs, constants))
    check_rows(cases, 5, tmp_path)


def test_concat(tmp_path: Path) -> None:
    rng, cases = np.random.default_rng(151), []
    for dtype in ("int8", "uint8", "int32", "float32"):
        for count in (1, 2, 3):
            shape = [1, 2, int(rng.integers(1, 8))]
            parts = [
                rng.integers(0, 100, (*shape, int(rng.integers(1, 6)))).astype(dtype) for _ in range(count)
            ]
            cases.append(make_case("concat", parts, {"axis": 3 if count % 2 else -1}))
    check_rows(cases, 6, tmp_path)


def test_columns_that_do_not_follow_the_inputs() -> None:
    """A concatenation along the width, and constants with a value per column, which nobody moves."""
    rng = np.random.default_rng(161)
    data = int8(rng, (1, 3, 5, 4))
    cases = [make_case("concat", [data, data], {"axis": 2})]
    cases += [
        make_case("add", [data], arithmetic(rng), {"rhs": int8(rng, s)}) for s in ((1, 1, 5, 4), (5, 1))
    ]
    for case in cases:
        kernel = case.kernel
        assert isinstance(kernel, RowKernel)
        assert not kernel.bandable
        with pytest.raises(ValueError, match="cannot be made by themselves"):
            kernel.row_function(dynamic=True)


def test_column_windows() -> None:
    """Buffered columns that an output column reads are those of the padded input."""
    for make in CONVOLUTIONS.values():
        for case in geometry.batch_of(make, 171, 20):
            kernel = case.kernel
            assert isinstance(kernel, RowKernel)
            (window,), attrs = kernel.windows, case.op.attrs
            reach = (case.op.constants["weight"].shape[2] - 1) * attrs["dilation"][1] + 1
            assert (window.column_stride, window.column_reach) == (attrs["strides"][1], reach)
            last = (case.op.outputs[0].shape[2] - 1) * window.column_stride + window.column_reach
            stored = window.columns_before + case.op.inputs[0].shape[2] + window.columns_after
            assert last <= stored
    rng = np.random.default_rng(172)
    wide, narrow = int8(rng, (1, 3, 5, 4)), int8(rng, (1, 3, 1, 4))
    kernel = make_case("add", [wide, narrow], arithmetic(rng)).kernel
    assert isinstance(kernel, RowKernel)
    assert [w.column_stride for w in kernel.windows] == [1, 0]
