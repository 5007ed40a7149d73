"""Progress goes forward, and within the stages that take long."""

from __future__ import annotations

from collections import Counter

import pytest

import tvm_patch
from tests.unit.codegen.networks import small_network
from tvm_patch import driver
from tvm_patch.planner.choose import Request


@pytest.mark.parametrize(
    ("call", "stages"),
    [
        (lambda p: tvm_patch.compile(small_network(), board="qemu_m7", progress=p), {"choosing kernels"}),
        (
            lambda p: tvm_patch.compile(small_network(), plan=Request(), progress=p),
            {"choosing kernels", "planning"},
        ),
        (lambda p: driver.plan(small_network(), progress=p), {"choosing kernels", "planning"}),
        (
            lambda p: driver.analyse(small_network(), plan=Request(), progress=p),
            {"choosing kernels", "planning"},
        ),
    ],
    ids=["compile", "compile a plan", "plan", "analyse"],
)
def test_every_operator_moves_it(call, stages):
    said: list[tuple[str, float]] = []
    call(lambda text, fraction: said.append((text, fraction)))
    fractions = [round(fraction, 6) for _, fraction in said]
    assert fractions == sorted(fractions)
    assert fractions[-1] <= 1
    counted = Counter(text for text, _ in said)
    assert all(counted[stage] >= 7 for stage in stages), counted  # of seven operators
