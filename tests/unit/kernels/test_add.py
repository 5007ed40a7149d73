from __future__ import annotations

import numpy as np
import pytest

from tests.unit.kernels.batch import check, make_case, run_c
from tests.unit.kernels.randoms import int8, scale, zero_point
from tvm_patch.integer import add_attrs
from tvm_patch.kernels.add import Additive, AddRow, AddTensor, affine_form
from tvm_patch.kernels.c.add import PackedAddRow, PackedAddTensor
from tvm_patch.targets import HOST, TIR

SHAPES = [
    ((1, 3, 5, 7), (1, 3, 5, 7)),
    ((1, 3, 5, 7), (1, 1, 1, 7)),
    ((1, 1, 1, 1), (1, 3, 5, 7)),
    ((1, 3, 1, 7), (1, 3, 5, 1)),
    ((1, 3, 5, 7), (1, 1, 5, 7)),
    ((2, 3, 4, 5), (2, 3, 4, 5)),
    ((2, 3, 4, 5), (3, 1, 5)),
    ((1, 10), (1, 10)),
    ((6,), ()),
]


def attrs_of(rng, activation="NONE", equal=False):
    scales = [scale(rng) for _ in range(3)]
    if equal:
        scales = [scales[0], scales[0], 2 * scales[0]]
    zeros = [zero_point(rng) for _ in range(3)]
    return add_attrs(scales[0], zeros[0], scales[1], zeros[1], scales[2], zeros[2], activation)


@pytest.mark.parametrize("kind", ["add", "sub"])
def test_all_shapes_and_constant_operands(kind, tmp_path):
    rng = np.random.default_rng(1)
    cases = []
    for lhs, rhs in SHAPES:
        for equal in (False, True):
            attrs = attrs_of(rng, rng.choice(["NONE", "RELU", "RELU6"]), equal)
            a, b = int8(rng, lhs), int8(rng, rhs)
            cases.append(make_case(kind, [a, b], attrs))
            if np.broadcast_shapes(lhs, rhs) == lhs:
                cases.append(make_case(kind, [a], attrs, {"rhs": b}))
            else:
                cases.append(make_case(kind, [b], attrs, {"lhs": a}))
    assert {type(c.kernel) for c in cases} == {PackedAddRow, PackedAddTensor}
    assert {type(c.on(TIR)) for c in cases} == {AddRow, AddTensor}
    check(cases, tmp_path)


@pytest.mark.parametrize("kind", ["add", "sub"])
def test_every_pair_of_values(kind, tmp_path, monkeypatch):
    rng = np.random.default_rng(2)
    values = np.arange(-128, 128).astype(np.int8)
    lhs, rhs = np.repeat(values, 256)[None], np.tile(values, 256)[None]
    cases = [make_case(kind, [lhs, rhs], attrs_of(rng, equal=i % 2 == 0)) for i in range(8)]
    check(cases, tmp_path)
    monkeypatch.setattr("tvm_patch.kernels.add.affine_form", lambda _: None)
    check(cases[:3], tmp_path)


def test_c_is_also_cpp(tmp_path):
    rng = np.random.default_rng(6)
    case = make_case("add", [int8(rng, (1, 3, 5, 7)), int8(rng, (1, 1, 1, 7))], attrs_of(rng))
    for target in (TIR, HOST):
        run_c([case], target, tmp_path, ("g++", "-std=c++17"))


def test_affine_form_is_found_for_ordinary_scales():
    rng = np.random.default_rng(3)
    found = [affine_form(Additive.of("add", attrs_of(rng))) is not None for _ in range(60)]
    assert sum(found) >= 55


def test_rows_of_a_broadcast_operand_do_not_advance():
    rng = np.random.default_rng(4)
    case = make_case("add", [int8(rng, (1, 3, 5, 7)), int8(rng, (1, 1, 1, 7))], attrs_of(rng))
    assert [w.stride for w in case.kernel.windows] == [1, 0]


def test_in_place_only_where_sizes_match():
    rng = np.random.default_rng(5)
    case = make_case("add", [int8(rng, (4, 6)), int8(rng, (6,))], attrs_of(rng))
    assert case.kernel.in_place == (0, None)
