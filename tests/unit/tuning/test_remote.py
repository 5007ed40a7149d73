"""Tuning on boards that TVM's RPC tracker hands out: several share the work, lost ones are replaced, then reported."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.unit.tuning.networks import block
from tvm_patch.driver.front import legalize
from tvm_patch.driver.tune import tune
from tvm_patch.errors import UserError
from tvm_patch.tuning.database import measured_in
from tvm_patch.tuning.remote import BoardsLostError, Tracker

pytest.importorskip("xgboost")
pytest.importorskip("tornado")
pytest.importorskip("cloudpickle")

pytestmark = pytest.mark.slow

KEY = "boards"


@pytest.fixture
def tracker():
    """TVM's own tracker, in a process of its own."""
    from tvm.rpc.tracker import Tracker as TvmTracker

    served = TvmTracker("127.0.0.1", port=9400, port_end=9600, silent=True)
    yield Tracker("127.0.0.1", served.port, KEY)
    served.terminate()


@pytest.fixture
def serve(tracker):
    """Start board servers; gives each one's process number."""
    from tvm_patch.driver.board_server import start_server

    servers = []

    def start(board: str = "qemu_m7") -> int:
        before = registered(tracker)
        servers.append(start_server(board, tracker))
        end = time.monotonic() + 60
        while registered(tracker) <= before:
            assert time.monotonic() < end, "the server does not register"
            time.sleep(0.05)
        return servers[-1].proc._proc.pid

    yield start
    for server in servers:
        server.terminate()


def registered(tracker: Tracker) -> int:
    try:
        return tracker.boards()
    except BoardsLostError:
        return 0


def kill(pid: int) -> None:
    """End a server and the session that it has started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for process in (pid, *map(int, children)):
        os.kill(process, signal.SIGKILL)


def test_boards_share_the_work_and_count_what_one_counts(tracker, serve, tmp_path):
    model = block()
    alone = tune(legalize(model), tmp_path / "alone", trials=32, objective="instructions")
    for _ in range(2):
        serve()
    shared = tune(legalize(model), tmp_path / "shared", trials=32, objective="instructions", tracker=tracker)
    assert (shared.measured, shared.wrong) == (alone.measured, ())
    ours, theirs = measured_in(tmp_path / "alone"), measured_in(tmp_path / "shared")
    assert set(ours) == set(theirs)
    # A few instructions depend on what is beside a candidate in the firmware.
    different = {k: (ours[k], theirs[k]) for k in ours if abs(ours[k] - theirs[k]) > 0.001 * ours[k]}
    assert different == {}


def test_a_lost_board_is_replaced(tracker, serve, tmp_path):
    first, _ = serve(), serve()
    killed = []

    def progress(text: str, fraction: float | None) -> None:
        if not killed:
            killed.append(first)
            kill(first)

    result = tune(
        legalize(block()), tmp_path, trials=32, objective="instructions", tracker=tracker, progress=progress
    )
    assert killed
    assert (result.trials, result.wrong) == (32, ())


def test_when_all_are_lost_that_is_said_and_what_was_measured_is_kept(tracker, serve, tmp_path):
    only = serve()
    killed = []

    def progress(text: str, fraction: float | None) -> None:
        if not killed:
            killed.append(only)
            kill(only)

    model = legalize(block())
    with pytest.raises(BoardsLostError, match=r"no board is registered as 'boards'|were lost"):
        tune(model, tmp_path, trials=32, objective="instructions", tracker=tracker, progress=progress)
    kept = measured_in(tmp_path)
    assert kept
    assert all(cost != float("inf") for cost in kept.values())
    # Plugged in again, it goes on from there.
    serve()
    result = tune(model, tmp_path, trials=32, objective="instructions", tracker=tracker)
    assert result.trials == 32
    assert result.measured < 32
    assert kept.items() <= measured_in(tmp_path).items()


def test_what_cannot_be(tracker, serve, tmp_path):
    model = legalize(block())
    with pytest.raises(BoardsLostError, match=r"no board is registered as 'boards'.*tvm-patch board-server"):
        tune(model, tmp_path, trials=16, objective="instructions", tracker=tracker)
    serve("host")
    with pytest.raises(BoardsLostError, match="a host is plugged in here, not a qemu_m7"):
        tune(model, tmp_path, trials=16, objective="instructions", tracker=tracker)
    assert measured_in(tmp_path, create=True) == {}  # no candidate is to blame
    with pytest.raises(UserError, match=r"host counts nanoseconds, not instructions"):
        tune(model, tmp_path / "host", trials=16, objective="instructions", tracker=tracker, board="host")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = Tracker("127.0.0.1", unused.getsockname()[1], KEY)
        with pytest.raises(BoardsLostError, match=r"no tracker at .*tvm.exec.rpc_tracker"):
            tune(model, tmp_path / "n", trials=16, objective="instructions", tracker=nobody)


@pytest.mark.parametrize("text", ["", "9190", ":9190", "host:", "host:port", "host:70000"])
def test_addresses(text):
    with pytest.raises(UserError, match="want HOST:PORT"):
        Tracker.parse(text, KEY)
    assert Tracker.parse("127.0.0.1:9190", KEY) == Tracker("127.0.0.1", 9190, KEY)
