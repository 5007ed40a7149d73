"""The configs that come with the project."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tvm_patch.driver.front import legalize
from tvm_patch.lowering.workload import workload_text
from tvm_patch.targets import CORTEX_M4, CORTEX_M7, Target
from tvm_patch.tflite.writer import write_model
from tvm_patch.tuning import shipped
from tvm_patch.tuning.shipped import load_shipped, write_shipped
from tvm_patch.zoo.registry import build

CORES = pytest.mark.parametrize("target", [CORTEX_M4, CORTEX_M7], ids=lambda t: t.name)


@CORES
def test_every_config_is_one_that_its_kernel_may_have(target: Target) -> None:
    """Of a network that was tuned: none is of a kernel as it was before."""
    measured = load_shipped(target.tuned_on)
    found = 0
    for kernel in legalize(write_model(build("mlperf_kws")), target=target).describe()[0]:
        knobs = kernel.candidates()
        for cost, config in measured.get(workload_text(kernel, target.tuned_on), ()):
            assert cost > 0
            assert any(config.items() <= candidate.items() for candidate in knobs)
            found += 1
    assert found >= 10


@CORES
def test_workloads_are_of_the_core_and_configs_from_the_fastest_on(target: Target) -> None:
    measured = load_shipped(target.tuned_on)
    assert len(measured) > 100
    for text, entries in measured.items():
        assert json.loads(text)["core"] == target.tuned_on
        assert [cost for cost, _ in entries] == sorted(cost for cost, _ in entries)


def test_a_core_that_was_not_tuned_has_none() -> None:
    assert load_shipped("tir") == {}


def test_what_is_written_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "_FOLDER", tmp_path)
    load_shipped.cache_clear()
    measured = {'{"b": 1}': [(2, {"unroll": 4})], '{"a": 1}': [(1, {"unroll": 0}), (3, {})]}
    assert write_shipped("a-core", measured).name == "a-core.json"
    assert load_shipped("a-core") == {t: [[c, k] for c, k in v] for t, v in measured.items()}
    load_shipped.cache_clear()
