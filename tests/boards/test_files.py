"""What is read from files: metadata, linker messages."""

from __future__ import annotations

import json

import pytest

from microtvm_project import get_board, load_artifact
from microtvm_project.linker import overflows
from tvm_patch.errors import UserError


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arena_bytes": 100}, "outside the arena of 100"),
        ({"format_version": 2}, "format version 2"),
        ({"arena_align": 12}, "power of two"),
        ({"model_name": "a b"}, "not a C identifier"),
        ({"sources": ["../x.c"]}, "leaves the artifact"),
        ({"sources": ["none.c"]}, "lacks its source 'none.c'"),
        ({"inputs": None}, "metadata.json"),
        ({"outputs": [{"name": "y"}]}, "no 'dtype' in an entry of outputs"),
    ],
)
def test_bad_metadata(make_artifact, change, message):
    folder = make_artifact()
    file = folder / "metadata.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(UserError, match=message):
        load_artifact(folder)


def test_not_an_artifact(tmp_path):
    with pytest.raises(UserError, match="not an artifact"):
        load_artifact(tmp_path)
    (tmp_path / "metadata.json").write_text("{")
    with pytest.raises(UserError, match="is damaged: Expecting"):
        load_artifact(tmp_path)
    (tmp_path / "metadata.json").write_text("[]")
    with pytest.raises(UserError, match=r"metadata\.json"):
        load_artifact(tmp_path)


def test_linker_messages():
    text = "ld: region `SRAM' overflowed by 45 bytes\nld: region `FLASH' overflowed by 7 bytes\n"
    assert overflows(text) == {"SRAM": 45, "FLASH": 7}


def test_board_table():
    board = get_board("nucleo_f767zi")
    assert board.memory("DTCM").length == 128 * 1024
    assert board.memory("SRAM").origin == 0x20020000
    with pytest.raises(KeyError):
        get_board("nucleo_f412zg").memory("DTCM")
