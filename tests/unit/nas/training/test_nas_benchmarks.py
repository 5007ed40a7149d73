"""The benchmarks of searches on a task that takes seconds: every cell is filled, and what is done is not done again."""

import json
import sys

import pytest

from tests.unit.nas.training.little import SPACE, task
from tvm_patch.nas.evolution import Evolution
from tvm_patch.nas.recipe import Finish, Recipe, SuperRecipe

pytest.importorskip("tensorflow", reason="needs the extra [nas]: pip install 'tvm-patch[nas]'")

from benchmarks.nas import ablations, codesign, searching, tasks, trial

pytestmark = pytest.mark.slow
_SHORT = Recipe(steps=6, batch=16, rate=0.05)


class Little(tasks.Contest):
    def task(self):
        return task()


@pytest.fixture
def little(monkeypatch):
    contest = Little("bars", 4 * 1024, 64 * 1024, "little", "")
    finish = Finish(tuning=_SHORT, rounding=Recipe(steps=2, batch=16, rate=0.01), samples=16)
    evolution = Evolution(population=6, parents=2, crossed=3, mutated=3, generations=1)
    for module in (codesign, ablations):
        monkeypatch.setattr(module, "CONTESTS", (contest,))
    for module in (searching, trial, codesign):
        monkeypatch.setattr(module, "FINISH", finish)
    for module in (searching, ablations, codesign):
        monkeypatch.setattr(module, "EVOLUTION", evolution)
    for module in (searching, codesign):
        monkeypatch.setattr(module, "SUPER", SuperRecipe(largest=_SHORT, sampled=_SHORT, subnets=2))
    monkeypatch.setattr(searching, "BATCHES", 1)
    monkeypatch.setattr(searching, "space_of", lambda name, classes, colors: SPACE)
    monkeypatch.setattr(codesign, "RESOLUTIONS", (16,))
    monkeypatch.setattr(codesign, "WIDTHS", (0.1,))


def run(module, monkeypatch, folder, seeds):
    results = folder / f"{module.__name__}.json"
    given = [module.__name__, "--seeds", str(seeds), "--folder", str(folder), "--results", str(results)]
    monkeypatch.setattr(sys, "argv", given)
    assert module.main() == 0
    return json.loads(results.read_text())


def test_every_cell_is_filled_once(little, monkeypatch, tmp_path):
    table = run(codesign, monkeypatch, tmp_path, 1)
    cells = {(r["network"], r["planner"]): r for r in table["rows"]}
    assert len(cells) == 9
    assert {n for n, _ in cells} == {"MobileNetV2", "ProxylessNAS", "searched"}
    filled = [r for r in cells.values() if "accuracy_mean" in r]
    assert {r["planner"] for r in filled if r["network"] == "searched"} == set(tasks.PLANNERS)
    for row in filled:
        assert row["arena_bytes"] <= row["sram_bytes"] == 4 * 1024
        assert row["flash_bytes"] <= row["flash_limit"]
        assert (row["seeds"], row["differing"]) == ([0], 0)
    parts = run(ablations, monkeypatch, tmp_path, 1)
    ways = {r["way"]: r for r in parts["rows"]}
    assert list(ways) == list(ablations.WAYS)
    assert ways["joint"]["accuracies"] == cells["searched", "planner"]["accuracies"]
    assert all(r["differing"] == 0 for r in ways.values())

    def never(*_args, **_options):
        raise AssertionError("this was done before")

    monkeypatch.setattr("tvm_patch.nas.training.fine_tuning.FineTuning.step", never)
    monkeypatch.setattr("tvm_patch.nas.training.super_training.SuperTraining.step", never)
    assert run(codesign, monkeypatch, tmp_path, 1)["rows"] == table["rows"]
    assert run(ablations, monkeypatch, tmp_path, 1)["rows"] == parts["rows"]
