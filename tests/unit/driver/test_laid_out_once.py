"""A finished plan is laid out once by whatever compiles it, and asked of the arena planner as rarely as can be."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from unittest.mock import patch

import pytest

import tvm_patch
from tvm_patch import driver
from tvm_patch.planner.choose import Request
from tvm_patch.planner.plan import Plan
from tvm_patch.tflite.writer import write_model
from tvm_patch.zoo.registry import build

pytestmark = pytest.mark.slow

LAYING_OUT = ("layout_rows", "layout_patches", "layout_channels", "layout_whole")


@cache
def model() -> bytes:
    return write_model(build("mcunet_vww1"))


@cache
def finished(**request) -> Plan:
    return driver.plan(model(), Request(**request), board="qemu_m7").plan


@contextmanager
def counted(*names: str) -> Iterator[Counter]:
    """Count calls of functions by name, wherever in the project they are called from."""
    calls: Counter = Counter()

    def counting(name, function):
        def counts(*args, **kwargs):
            calls[name] += 1
            return function(*args, **kwargs)

        return counts

    with ExitStack() as stack:
        for name in names:
            holders = [
                m for m in list(sys.modules.values()) if m and _is_ours(m) and callable(vars(m).get(name))
            ]
            assert holders, f"nothing is called {name}"
            for module in holders:
                stack.enter_context(patch.object(module, name, counting(name, vars(module)[name])))
        yield calls


def _is_ours(module) -> bool:
    return getattr(module, "__name__", "").startswith("tvm_patch.")


PLANS = {
    "resident": {},
    "rereadable": {"input_mode": "rereadable", "objective": "memory"},
    "streamed": {"input_mode": "streamed"},
    "patches": {"input_mode": "rereadable", "scheme": "mcunetv2", "patches": 2, "layers": 6},
}


@pytest.mark.parametrize("asked", PLANS)
def test_compiling_lays_every_segment_out_once(asked):
    plan = finished(**PLANS[asked])
    with counted(*LAYING_OUT, "kept_tensors", "place") as calls:
        artifact = tvm_patch.compile(model(), board="qemu_m7", plan=plan)
    assert artifact.arena_bytes == plan.arena_bytes
    assert len(plan.segments) > 20
    assert sum(calls[name] for name in LAYING_OUT) == len(plan.segments)
    assert calls["kept_tensors"] == 1
    # The arena is placed to check the plan, which says what scratch kernels get.  What is free by size and was not to
    # be had in one piece is asked for again.
    assert calls["place"] <= 4


def test_without_a_plan_too():
    with counted(*LAYING_OUT, "place") as calls:
        artifact = tvm_patch.compile(model(), board="qemu_m7")
    assert sum(calls[name] for name in LAYING_OUT) == len(artifact.metadata.operators)
    # With little scratch, and with ample scratch: more is of no use to these kernels.
    assert calls["place"] == 2


def test_analysing_and_reporting_read_what_is_there():
    plan = finished(**PLANS["rereadable"])
    with counted(*LAYING_OUT, "place") as calls:
        driver.analyse(model(), plan=plan)
    assert sum(calls[name] for name in LAYING_OUT) == len(plan.segments)
    assert calls["place"] <= 4
