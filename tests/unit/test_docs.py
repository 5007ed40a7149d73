"""The Python in the documents runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.codegen.networks import small_network

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
