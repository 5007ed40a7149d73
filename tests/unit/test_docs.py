"""The Python in the documents runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.codegen.networks import small_network
from tvm_patch.tflite.operators import OPERATORS

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


def test_the_readme_lists_the_operators_that_can_be_compiled():
    found = re.search(r"Operators: ([A-Z0-9_,\s]+)\.\n", (DOCS.parent / "README.md").read_text())
    assert found is not None
    listed = re.split(r",\s+", found[1])
    assert sorted(listed) == sorted(OPERATORS)
