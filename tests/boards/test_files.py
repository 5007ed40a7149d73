"""What is read from files: metadata, answers, linker messages."""

from __future__ import annotations

import json
import struct
import zlib

import pytest

from microtvm_project import get_board, load_artifact
from microtvm_project.linker import overflows
from microtvm_project.protocol import ANSWER_MAGIC, AnswerError, decode_answer, encode_job
from tvm_patch.errors import UserError


def record(tag: bytes, payload: bytes) -> bytes:
    return tag + struct.pack("<I", len(payload)) + payload


def complete(data: bytes) -> bytes:
    return data + record(b"END ", struct.pack("<I", zlib.adler32(data)))


GOOD = complete(
    ANSWER_MAGIC
    + record(b"MODL", struct.pack("<II", 128, 2))
    + record(b"OUTP", b"abc")
    + record(b"COUN", struct.pack("<Q", 1 << 33))
    + record(b"OPER", struct.pack("<2Q", 5, 6))
    + record(b"STAK", struct.pack("<I", 96))
)


def test_answer_is_read():
    answer = decode_answer(GOOD)
    assert (answer.arena_bytes, answer.num_operators, answer.stack_bytes) == (128, 2, 96)
    assert (answer.outputs, answer.instructions) == ([b"abc"], [1 << 33])
    assert answer.operator_instructions == [[5, 6]]


def test_every_cut_and_every_flipped_byte_is_noticed():
    for length in range(len(GOOD)):
        with pytest.raises(AnswerError):
            decode_answer(GOOD[:length])
    for at in range(len(GOOD)):
        with pytest.raises(AnswerError):
            decode_answer(GOOD[:at] + bytes([GOOD[at] ^ 0x10]) + GOOD[at + 1 :])


def test_failure_is_reported():
    data = ANSWER_MAGIC + record(b"FAIL", struct.pack("<i", -3) + b"too bad")
    with pytest.raises(AnswerError, match=r"too bad \(-3\)"):
        decode_answer(data)


def test_job_layout():
    assert encode_job([b"ab", b"cd"], 2) == b"TVMPJOB1\x02\0\0\0\x02\0\0\0abcd"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arena_bytes": 100}, "outside the arena of 100"),
        ({"format_version": 2}, "format_version 2"),
        ({"arena_align": 12}, "power of two"),
        ({"model_name": "a b"}, "not a C identifier"),
        ({"sources": ["../x.c"]}, "leaves the artifact"),
        ({"sources": ["none.c"]}, "is not there"),
        ({"inputs": None}, "metadata.json"),
        ({"outputs": [{"name": "y"}]}, "'dtype' is missing"),
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
    with pytest.raises(UserError, match="not JSON"):
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
