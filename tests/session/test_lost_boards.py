"""Boards that die, runs that take too long or are interrupted: the session goes on."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest

from microtvm_project.transports import LineClosedError
from tvm_patch.errors import BoardError

BOARDS = ["host", "qemu_m7", "qemu_m4"]


@pytest.mark.parametrize("board", BOARDS)
def test_a_board_that_is_killed_between_runs_comes_back(make_small, board):
    small = make_small(board)
    transport = small.transport()
    with small.session(transport) as session:
        small.assert_right(session)
        os.killpg(transport.pid, signal.SIGKILL)
        small.assert_right(session, 1)


@pytest.mark.parametrize("board", BOARDS)
def test_a_board_that_is_killed_in_a_run(make_small, board):
    """Rows that come from an array are given again; a camera's are not, and the error says so."""
    small = make_small(board, "streamed")
    transport = small.transport()
    (image,) = small.inputs[0]
    killed = []

    class Deadly(np.ndarray):
        """An image whose fifth row kills the board, once."""

        def __getitem__(self, at):
            if not killed and isinstance(at, tuple) and at[1] == 4:
                killed.append(at)
                os.killpg(transport.pid, signal.SIGKILL)
            return np.asarray(image)[at]

    with small.session(transport) as session:
        result = session.run([image.view(Deadly)])
        assert killed
        np.testing.assert_array_equal(result.outputs[0], small.expected[0][0])

        def camera(row: int) -> np.ndarray:
            if row == 4:
                os.killpg(transport.pid, signal.SIGKILL)
            return image[0, row]

        with pytest.raises(BoardError, match=r"killed by signal 9.*a streamed input cannot be begun again"):
            session.run([camera])
        small.assert_right(session, 1)


def test_a_board_that_dies_every_time(make_small):
    small = make_small(mode="rereadable")
    transport = small.transport()
    (image,) = small.inputs[0]
    deaths = []

    def deadly(row: int) -> np.ndarray:
        deaths.append(row)
        os.killpg(transport.pid, signal.SIGKILL)
        return image[0, row]

    with small.session(transport) as session:
        with pytest.raises(LineClosedError, match="killed by signal 9"):
            session.run([deadly])
        assert len(deaths) == session.retries + 1
        small.assert_right(session)


@pytest.mark.parametrize("board", BOARDS)
def test_a_run_that_takes_too_long(make_small, board):
    small = make_small(board, "streamed")
    (image,) = small.inputs[0]

    def slow(row: int) -> np.ndarray:
        if row == 5:
            time.sleep(0.4)
        return image[0, row]

    with small.session() as session:
        start = time.monotonic()
        with pytest.raises(BoardError, match="has not ended in time"):
            session.run([slow], seconds=0.3)
        assert time.monotonic() - start < 3
        small.assert_right(session, 1)


def test_an_interrupted_run_leaves_the_session_usable(make_small):
    small = make_small(mode="streamed")
    (image,) = small.inputs[0]

    def interrupted(row: int) -> np.ndarray:
        if row == 2:
            raise KeyboardInterrupt
        return image[0, row]

    with small.session() as session:
        with pytest.raises(KeyboardInterrupt):
            session.run([interrupted])
        small.assert_right(session, 1)
