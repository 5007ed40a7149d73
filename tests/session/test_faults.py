"""Lines that lose, change, repeat, cut and delay: the result is right, or there is one clear error in time."""

from __future__ import annotations

import time

import pytest

from microtvm_project.session import Timing
from tests.session.faults import Faults, FaultyTransport
from tvm_patch.errors import BoardError

LIGHT = 2e-4
CASES = {
    "dropped": Faults(drop=LIGHT),
    "flipped": Faults(flip=LIGHT),
    "duplicated": Faults(duplicate=5e-4),
    "delayed": Faults(delay=0.05),
    "truncated": Faults(truncate=0.03),
    "all": Faults(drop=LIGHT, flip=LIGHT, duplicate=LIGHT, truncate=0.01, delay=0.02),
}


@pytest.mark.parametrize("mode", ["resident", "streamed"])
@pytest.mark.parametrize("name", CASES)
def test_thousands_of_frames_over_a_bad_line(make_small, name, mode):
    small = make_small("host", mode, 64)
    line = FaultyTransport(small.transport(), CASES[name], seed=len(name))
    with small.session(line, tries=300) as session:
        turn = 0
        while session.link.statistics.sent < 2000:
            small.assert_right(session, turn % 3)
            turn += 1
        done = line.done
        statistics = session.link.statistics
    assert sum(done.values()) > 10
    # Nothing that was repeated was done twice, and what was lost was asked for again.
    assert statistics.repeated + statistics.ignored > 10


@pytest.mark.parametrize("board", ["qemu_m7"])
def test_an_emulated_board_over_a_bad_line(make_small, board):
    small = make_small(board, "streamed", 64)
    line = FaultyTransport(small.transport(), CASES["all"], seed=5)
    with small.session(line, tries=300) as session:
        costs = set()
        for turn in range(12):
            small.assert_right(session, turn % 3)
            costs.add(session.run(small.inputs[0]).cost)
        # What the line does is not counted.
        assert len(costs) == 1


@pytest.mark.parametrize("mode", ["resident", "streamed"])
def test_a_dead_line_ends_in_an_error_within_the_time(make_small, mode):
    small = make_small("host", mode, 64)
    line = FaultyTransport(small.transport(), Faults(), seed=0)
    with small.session(line, tries=300) as session:
        small.assert_right(session)
        line.faults = Faults(drop=1.0)
        session.link.timing = Timing(tries=5)
        start = time.monotonic()
        with pytest.raises(BoardError, match=r"no answer to BEGIN, asked 5 times"):
            session.run(small.inputs[0])
        assert time.monotonic() - start < 10
        line.faults = Faults()
        session.link.timing = Timing(tries=300)
        small.assert_right(session, 1)


@pytest.mark.parametrize("seed", range(20))
def test_a_line_too_bad_to_use_never_gives_a_wrong_result(make_small, seed):
    small = make_small("host", "streamed", 64)
    line = FaultyTransport(
        small.transport(), Faults(drop=0.01, flip=0.02, duplicate=0.01, truncate=0.1), seed
    )
    right = wrong = 0
    start = time.monotonic()
    try:
        with small.session(line, tries=3, run=3.0) as session:
            for index in (0, 1, 2):
                try:
                    small.assert_right(session, index)
                    right += 1
                except BoardError:
                    wrong += 1
    except BoardError:
        wrong += 1
    assert right + wrong >= 1
    assert time.monotonic() - start < 60
    # The next one on a good line works.
    line.faults = Faults()
    with small.session(line, tries=300) as session:
        small.assert_right(session)
