"""Operators and configs as MetaSchedule's databases hold them."""

from __future__ import annotations

import pytest
import tvm
from tvm.script import tirx as T

from tests.unit.tuning.networks import block
from tvm_patch.driver.front import legalize
from tvm_patch.lowering.workload import (
    config_of,
    knobs_of,
    schedule_of,
    text_of,
    workload_module,
    workload_text,
)


def texts(**options):
    return [workload_text(k, "cortex-m7") for k in legalize(block(**options)).describe()[0]]


def test_weights_do_not_matter():
    assert texts(seed=0) == texts(seed=1)


def test_shapes_matter():
    assert set(texts(channels=16)).isdisjoint(texts(channels=24))


def test_cores_matter():
    kernel = legalize(block()).describe()[0][0]
    assert workload_text(kernel, "cortex-m7") != workload_text(kernel, "cortex-m55")


def test_a_schedule_holds_its_config():
    module = workload_module("{}")
    configs = [{"pixels": p, "direct": d} for p in (1, 3) for d in (False, True)]
    knobs = knobs_of(configs)
    assert knobs == {"direct": [0, 1], "pixels": [1, 3]}
    for config in configs:
        assert config_of(schedule_of(module, knobs, config).mod) == config


def test_equal_texts_make_equal_modules():
    tvm.ir.assert_structural_equal(workload_module("a"), workload_module("a"))
    with pytest.raises(ValueError, match="StructuralEqual check failed"):
        tvm.ir.assert_structural_equal(workload_module("a"), workload_module("b"))


def test_text_of_a_foreign_module():
    @T.prim_func(s_tir=True)
    def main(a: T.Buffer((4,), "int8")):
        a[0] = T.int8(1)

    with pytest.raises(ValueError, match="did not write"):
        text_of(tvm.IRModule({"main": main}))
