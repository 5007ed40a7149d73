from __future__ import annotations

import numpy as np
import pytest

from tests.unit.kernels.batch import check, make_case
from tests.unit.kernels.program import MACHINES
from tests.unit.kernels.randoms import int8, scale, zero_point
from tests.unit.kernels.test_add import SHAPES
from tvm_patch.integer import mul_attrs


def attrs_of(rng, activation="NONE", fine=1.0):
    return mul_attrs(
        scale(rng),
        zero_point(rng),
        scale(rng),
        zero_point(rng),
        scale(rng) * fine,
        zero_point(rng),
        activation,
    )


@pytest.mark.parametrize("machine", MACHINES)
def test_all_shapes(tmp_path, machine):
    rng = np.random.default_rng(1)
    cases = []
    for lhs, rhs in SHAPES:
        cases.append(make_case("mul", [int8(rng, lhs), int8(rng, rhs)], attrs_of(rng, "RELU6")))
        cases.append(make_case("mul", [int8(rng, lhs)], attrs_of(rng), {"rhs": int8(rng, rhs)}))
    check(cases, tmp_path, machine)


@pytest.mark.parametrize("machine", MACHINES)
def test_every_pair_of_values_at_extreme_multipliers(tmp_path, machine):
    rng = np.random.default_rng(2)
    values = np.arange(-128, 128).astype(np.int8)
    lhs, rhs = np.repeat(values, 256)[None], np.tile(values, 256)[None]
    cases = [make_case("mul", [lhs, rhs], attrs_of(rng, fine=f)) for f in (1e-7, 1e-5, 1e-3, 0.03, 1.0, 30.0)]
    check(cases, tmp_path, machine)


@pytest.mark.parametrize("machine", MACHINES)
def test_every_pair_of_values_where_no_product_is_negative(tmp_path, machine):
    """Both zero points are the least value, as behind a sigmoid; shifts from one to beyond what packed code takes."""
    values = np.arange(-128, 128).astype(np.int8)
    lhs, rhs = np.repeat(values, 256)[None], np.tile(values, 256)[None]
    cases = []
    for out_scale, least in (
        (1.1, -128),
        (0.011, 5),
        (2.0**-4, 127),
        (2.0**-13, -128),
        (2.0**6, 0),
        (2.0**7, 0),
    ):
        attrs = mul_attrs(2.0**-7, -128, 2.0**-8, -128, out_scale, least, "NONE")
        cases.append(make_case("mul", [lhs, rhs], attrs))
    assert {1, 20, 21} <= {-case.op.attrs["shift"] for case in cases}
    check(cases, tmp_path, machine)
