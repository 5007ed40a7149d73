"""The Python in the documents runs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import tvm
from tvm import relax

from relay_passes.dialect import MOVES
from relay_passes.dialect.movement import MOVEMENT
from relay_passes.dialect.rules import RULES
from relay_passes.pipeline import legalization_passes
from tests.unit.codegen.networks import small_network
from tvm_patch.errors import UnsupportedError
from tvm_patch.frontend import import_tflite
from tvm_patch.graph import Operator, Tensor
from tvm_patch.kernels import kernel_for, registry
from tvm_patch.lowering import lowering_pipeline
from tvm_patch.oracle import run_oracle
from tvm_patch.targets import TIR
from tvm_patch.tflite.build_base import make_quantization
from tvm_patch.tflite.builder import ModelBuilder
from tvm_patch.tflite.operators import OPERATORS
from tvm_patch.tflite.writer import write_model

DOCS = Path(__file__).parents[2] / "docs"
X = Tensor("x", (1, 3, 5, 2))


@pytest.mark.parametrize("name", ["tvm-pipeline.md"])
def test_code_runs_from_top_to_bottom(name, tmp_path, monkeypatch):
    (tmp_path / "model.tflite").write_bytes(small_network())
    monkeypatch.chdir(tmp_path)
    blocks = _blocks(name)
    assert len(blocks) >= 2
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, name, "exec"), names)


def test_the_readme_lists_the_operators_that_can_be_compiled():
    found = re.search(r"Operators: ([A-Z0-9_,\s]+)\.\n", (DOCS.parent / "README.md").read_text())
    assert found is not None
    listed = re.split(r",\s+", found[1])
    assert sorted(listed) == sorted(OPERATORS)


def _blocks(name: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (DOCS / name).read_text(), re.DOTALL | re.MULTILINE)


def test_the_example_of_an_operator_works(monkeypatch):
    """The three files of the guide, one after another, make a network with REVERSE_V2 run like LiteRT's."""
    kernel_for(
        Operator("tile", "t", (X,), (X,), {}, {"repeats": [1] * 4}), TIR
    )  # loads the kernels that there are
    for table in (OPERATORS, MOVES, RULES, registry._KERNELS):
        for key in ("REVERSE_V2", "flip", "relax.flip", ("flip", "tir")):
            assert key not in table
            monkeypatch.setitem(table, key, None)
            del table[key]
    model = ModelBuilder()
    x = model.input("x", X.shape, 0.1, 3)
    reversed_ = model.tensor("y", X.shape, "int8", make_quantization(0.1, 3))
    model.operator("REVERSE_V2", [x, model.constant("axis", np.array([-2], np.int32))], [reversed_])
    model.output(model.add(reversed_, x, 0.2, 1, name="sum"))
    data = write_model(model.finish())
    with pytest.raises(UnsupportedError, match="REVERSE_V2"):
        import_tflite(data)
    try:
        for block in _blocks("adding-an-operator.md"):
            exec(compile(block, "adding-an-operator.md", "exec"), {"__name__": "example"})
        machine = relax.VirtualMachine(
            tvm.compile(lowering_pipeline("int8")(import_tflite(data).module), target="llvm"), tvm.cpu()
        )
        rows = np.random.default_rng(0).integers(-128, 128, X.shape).astype(np.int8)
        made = machine["main"](tvm.runtime.tensor(rows)).numpy()
    finally:
        MOVEMENT.discard("relax.flip")
    np.testing.assert_array_equal(made, run_oracle(data, [rows]).outputs[0])


@pytest.mark.parametrize("name", ["architecture.md", "tvm-pipeline.md"])
def test_the_passes_are_listed_in_their_order(name):
    passes = [p.info.name for p in legalization_passes()]
    assert len(passes) > 3
    listed = re.findall(rf"^[^\n`]*[`.]({'|'.join(passes)})\b", (DOCS / name).read_text(), re.MULTILINE)
    assert listed == passes
