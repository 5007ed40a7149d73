"""Standard streams that are full, closed or of another encoding, and signals: one line at most, and an exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "tvm_patch"]


def shell(line: str, **env: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, env={**os.environ, **env}, check=False, timeout=120
    )


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    from tests.unit.codegen.networks import small_network

    path = tmp_path_factory.mktemp("net") / "×net.tflite"
    path.write_bytes(small_network())
    return path


def test_a_full_disk(small):
    done = shell(f"{' '.join(COMMAND)} inspect {small} > /dev/full")
    assert done.returncode == 2
    assert done.stderr.decode() == (
        "error: cannot write: No space left on device; make room, or write elsewhere\n"
    )
    done = shell(f"{' '.join(COMMAND)} inspect {small} -q --json /dev/full")
    assert (done.returncode, b"cannot write /dev/full: No space left" in done.stderr) == (2, True)


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams(small, closed, tmp_path):
    done = shell(f"{' '.join(COMMAND)} run {small} --board host --json {tmp_path}/r.json {closed}")
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
    assert json.loads((tmp_path / "r.json").read_text())["board"] == "host"


def test_a_reader_that_goes(small):
    done = shell(f"set -o pipefail; {' '.join(COMMAND)} inspect {small} | true")
    assert done.stderr == b""


@pytest.mark.parametrize(
    "encoding",
    ["ascii", pytest.param("latin-1", marks=pytest.mark.slow), pytest.param("cp437", marks=pytest.mark.slow)],
)
def test_terminals_that_are_not_utf8(small, encoding):
    done = shell(f"{' '.join(COMMAND)} inspect {small}", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    printed = done.stdout.decode(encoding)
    assert "peak" in printed
    assert ("#" if encoding != "cp437" else "█") in printed
    # A report is UTF-8 wherever it goes.
    done = shell(f"{' '.join(COMMAND)} inspect {small} --json -", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert json.loads(done.stdout)["model"] == "×net.tflite"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.slow
def test_signals_clean_up(small, number, code, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    # A compiler that never ends.
    fake = tmp_path / "bin" / "gcc"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\necho $$ >> {tmp_path}/started\nexec sleep 600\n")
    fake.chmod(0o755)
    env = {**os.environ, "TMPDIR": str(scratch), "PATH": f"{fake.parent}:{os.environ['PATH']}"}
    with subprocess.Popen(
        [*COMMAND, "run", str(small)],
        env=env,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # A shell without job control has its background processes, pytest among them, ignore SIGINT.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # noqa: PLW1509 - no threads in the child
    ) as process:
        for _ in range(600):
            if (tmp_path / "started").exists():
                break
            time.sleep(0.1)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert said.decode() == {143: "terminated\n", 130: "interrupted\n"}[code]
    assert list(scratch.iterdir()) == []
    for line in (tmp_path / "started").read_text().split():
        assert not Path(f"/proc/{line}").exists() or "Z" in Path(f"/proc/{line}/stat").read_text().split()[2]
