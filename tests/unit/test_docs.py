"""The Python in the documents runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.codegen.networks import small_network
from tvm_patch.planner.plan import Plan, PlannedSegment

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", ["tvm-pipeline.md"])
def test_code_runs_from_top_to_bottom(name, tmp_path, monkeypatch):
    (tmp_path / "model.tflite").write_bytes(small_network())
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", (DOCS / name).read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 2
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, name, "exec"), names)


def test_the_plan_document_lists_the_fields_of_plans() -> None:
    table = (DOCS / "plan-format.md").read_text().split("| field | meaning |\n", 1)[1].split("\n\n", 1)[0]
    names = [n for row in table.splitlines()[1:] for n in re.findall(r"`([\w\[\].]+)`", row.split("|")[1])]
    listed = [*Plan.model_fields, *(f"segments[].{field}" for field in PlannedSegment.model_fields)]
    assert sorted(names) == sorted(listed)
