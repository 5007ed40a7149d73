"""Stock Relax operators that move elements: one compilation for all of them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.kernels.batch import Case, check, make_case, tensor
from tvm_patch.errors import UnsupportedError
from tvm_patch.graph import Operator
from tvm_patch.kernels import kernel_for
from tvm_patch.kernels.concat import ConcatRow, ConcatTensor
from tvm_patch.kernels.take import Take
from tvm_patch.targets import HOST

DTYPES = ("int8", "uint8", "int32", "float32", "int64")


def data_of(rng, shape, dtype="int8"):
    return rng.integers(0, 100, shape).astype(dtype)


def test_reshape(tmp_path):
    rng = np.random.default_rng(1)
    cases = []
    for dtype in DTYPES:
        data = data_of(rng, (2, 3, 4), dtype)
        op = Operator("reshape", "r", (tensor("x", (2, 3, 4), dtype),), (tensor("y", (6, 4), dtype),))
        cases.append(Case(op, [data]))
    assert cases[0].kernel.in_place == (0,)
    check(cases, tmp_path)


def test_permute_dims(tmp_path):
    rng = np.random.default_rng(2)
    cases = []
    for i in range(40):
        rank = int(rng.integers(1, 6))
        attrs = {"axes": None if i % 7 == 0 else [int(a) for a in rng.permutation(rank)]}
        cases.append(
            make_case("permute_dims", [data_of(rng, rng.integers(1, 5, rank), DTYPES[i % 5])], attrs)
        )
    check(cases, tmp_path)


def test_concat_and_split(tmp_path):
    rng = np.random.default_rng(3)
    cases = []
    for i in range(40):
        rank = 4 if i % 2 else int(rng.integers(1, 5))
        shape = rng.integers(1, 5, rank)
        if i % 4:
            shape[0] = 1
        axis = int(rng.integers(-rank, rank))
        parts = []
        for _ in range(int(rng.integers(1, 5))):
            shape[axis] = rng.integers(1, 6)
            parts.append(data_of(rng, shape, DTYPES[i % 5]))
        cases.append(make_case("concat", parts, {"axis": axis}))
        whole = np.concatenate(parts, axis=axis)
        cuts = [int(c) for c in np.cumsum([p.shape[axis] for p in parts])[:-1]]
        cases.append(make_case("split", [whole], {"axis": axis, "indices_or_sections": cuts}))
        even = whole.shape[axis]
        cases.append(make_case("split", [whole], {"axis": axis, "indices_or_sections": even}))
    assert {type(c.kernel) for c in cases} >= {ConcatRow, ConcatTensor}
    check(cases, tmp_path)


def test_strided_slice(tmp_path):
    rng = np.random.default_rng(4)
    cases: list[Case] = []
    while len(cases) < 60:
        rank = int(rng.integers(1, 5))
        shape = rng.integers(1, 8, rank)
        axes = sorted(int(a) for a in rng.choice(rank, int(rng.integers(1, rank + 1)), replace=False))
        strides = [int(s) for s in rng.choice([-2, -1, 1, 1, 2, 3], len(axes))]
        begin = [int(rng.integers(-shape[a] - 1, shape[a] + 1)) for a in axes]
        end = [int(rng.integers(-shape[a] - 1, shape[a] + 2)) for a in axes]
        data = data_of(rng, shape, DTYPES[len(cases) % 5])
        attrs = {"axes": axes, "begin": begin, "end": end}
        if any(s != 1 for s in strides):
            attrs["strides"] = strides
        case = make_case("strided_slice", [data], attrs)
        if case.op.outputs[0].size:
            cases.append(case)
    check(cases, tmp_path)


def test_take(tmp_path):
    rng = np.random.default_rng(5)
    cases = []
    for i in range(25):
        shape = rng.integers(1, 6, int(rng.integers(1, 5)))
        axis = int(rng.integers(0, len(shape)))
        size = int(shape[axis])
        indices = rng.integers(-size, size, rng.integers(1, 4, int(rng.integers(0, 3)))).astype(np.int64)
        constants = {"indices": indices}
        cases.append(make_case("take", [data_of(rng, shape, DTYPES[i % 5])], {"axis": axis}, constants))
    check(cases, tmp_path)


def test_take_checks_its_indices():
    data, out = tensor("x", (3, 2)), tensor("y", (1, 2))
    op = Operator("take", "t", (data,), (out,), {"indices": np.array([3], np.int32)}, {"axis": 0})
    with pytest.raises(UnsupportedError, match="outside"):
        Take(op).constants  # noqa: B018
    with pytest.raises(UnsupportedError, match="no kernel"):
        kernel_for(Operator("take", "t", (data, tensor("i", (1,), "int32")), (out,), {}, {"axis": 0}), HOST)


def test_tile(tmp_path):
    rng = np.random.default_rng(6)
    cases = []
    for i in range(25):
        shape = rng.integers(1, 5, int(rng.integers(1, 5)))
        repeats = [int(r) for r in rng.integers(1, 4, max(1, len(shape) + int(rng.integers(-1, 2))))]
        cases.append(make_case("tile", [data_of(rng, shape, DTYPES[i % 5])], {"repeats": repeats}))
    check(cases, tmp_path)
