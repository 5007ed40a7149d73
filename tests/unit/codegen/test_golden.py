"""The C that is printed for a small network, in full.  `pytest --update-golden` writes it anew."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import tvm_patch
from tests.unit.codegen.networks import small_network

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("board", ["host", "qemu_m7"])
@pytest.mark.parametrize("file", ["src/small_lib0.c", "include/tvmgen_small.h"])
def test_printed_code_is_as_recorded(board, file, request):
    artifact = tvm_patch.compile(small_network(), board=board, name="small")
    text = artifact.contents.files[f"codegen/host/{file}"].decode()
    golden = GOLDEN / Path(file).name
    if request.config.getoption("--update-golden"):
        golden.write_text(text)
    assert text == golden.read_text(), (
        "run `pytest --update-golden` if the change is meant, and read the diff"
    )


def test_compiling_twice_gives_the_same_bytes():
    first = tvm_patch.compile(small_network(), name="small").contents
    second = tvm_patch.compile(small_network(), name="small").contents
    assert first.tar() == second.tar()


@pytest.mark.parametrize("plan", [None, tvm_patch.Request(objective="memory", input_mode="streamed")])
def test_locals_have_names_from_the_kernels(plan):
    """What TVM calls a value that nobody named: ``v_3``, ``cse_v1``, ``_ptr``."""
    files = tvm_patch.compile(small_network(), name="small", plan=plan).contents.files
    text = "".join(data.decode() for name, data in files.items() if name.endswith(".c"))
    assert not re.findall(r"\b(?:v(?:_\d*)*|cse_v\d+|\w*_ptr(?:_\d+)?)\b", text)
