"""How a child process is let go."""

from __future__ import annotations

import time

import pytest

from microtvm_project.transports import PipeTransport
from tvm_patch.errors import BoardError


def _transport(script):
    return PipeTransport(["sh", "-c", script], lambda status, console: f"{status}: {console}")


def test_a_process_ends_by_itself_and_writes_what_it_has_to(tmp_path):
    written = tmp_path / "written"
    transport = _transport(f"cat >/dev/null; sleep 0.2; echo done > {written}")
    transport.open()
    transport.end(20)
    assert written.read_text() == "done\n"
    transport.close()


def test_one_that_does_not_end_is_told_and_killed(tmp_path):
    transport = _transport("sleep 60")
    transport.open()
    start = time.monotonic()
    with pytest.raises(BoardError, match=r"sh did not end within 0\.2 s"):
        transport.end(0.2)
    transport.close()
    assert transport.pid is None
    assert time.monotonic() - start < 20
