"""What a board server is asked by name is a file that was uploaded, and nothing else."""

from __future__ import annotations

import json

import pytest

from tvm_patch.driver import board_server


@pytest.mark.parametrize(
    "request_text",
    [
        "",
        "{",
        "[" * 100_000,
        "7",
        "{}",
        '{"board": "qemu_m7"}',
        '{"board": "qemu_m7", "name": 7}',
        '{"board": ["qemu_m7"], "name": "batch"}',
        *(
            json.dumps({"board": "qemu_m7", "name": name})
            for name in ("../batch", "/etc/passwd", "a/b", "", ".", "..", "a\0", "a" * 200, "a.b", "é")
        ),
    ],
)
def test_names_that_lead_elsewhere(request_text, monkeypatch):
    monkeypatch.setattr(board_server, "_uploaded", lambda name: pytest.fail(f"{name!r} was opened"))
    answer = json.loads(board_server.measure("qemu_m7", {}, request_text))
    assert "plain name of a file" in answer["lost"]


def test_another_board(monkeypatch):
    monkeypatch.setattr(board_server, "_uploaded", lambda name: pytest.fail(f"{name!r} was opened"))
    answer = json.loads(board_server.measure("qemu_m7", {}, '{"board": "qemu_m4", "name": "a"}'))
    assert answer == {"lost": "a qemu_m7 is plugged in here, not a qemu_m4"}


@pytest.mark.parametrize("content", [None, b"", b"no archive"])
def test_uploads_that_cannot_be_read(monkeypatch, tmp_path, content):
    monkeypatch.setattr(board_server, "_uploaded", lambda name: tmp_path / name)
    if content is not None:
        (tmp_path / "a.tar").write_bytes(content)
    answer = json.loads(board_server.measure("qemu_m7", {}, '{"board": "qemu_m7", "name": "a"}'))
    assert "what was uploaded as a cannot be read" in answer["lost"]
