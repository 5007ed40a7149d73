"""Host-driven runs: inputs in, outputs out, costs, rows from the host."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from microtvm_project.runners import transport_to
from microtvm_project.session import Session
from tvm_patch.errors import UserError

BOARDS = ["host", "qemu_m7", "qemu_m4"]


@pytest.mark.parametrize("board", BOARDS)
def test_many_runs_in_one_session(make_small, board):
    small = make_small(board)
    with small.session() as session:
        for index in (0, 1, 2, 0):
            small.assert_right(session, index)
        info = session.info()
        assert (info.model, info.board, info.can_profile) == (
            small.firmware.artifact.metadata.model_name,
            board,
            True,
        )
        assert info.unit == ("nanoseconds" if board == "host" else "instructions")


@pytest.mark.parametrize("board", ["qemu_m7", "qemu_m4"])
def test_emulated_serial_port_over_tcp(make_small, board):
    small = make_small(board)
    with small.session(transport_to(small.firmware, small.firmware.elf, "tcp")) as session:
        small.assert_right(session)
        session.reset()
        small.assert_right(session, 1)


@pytest.mark.parametrize("mode", ["streamed", "rereadable"])
@pytest.mark.parametrize("board", BOARDS)
def test_the_host_gives_the_rows(make_small, board, mode):
    small = make_small(board, mode)
    (image,) = small.inputs[0]
    asked = []

    def camera(row: int) -> np.ndarray:
        asked.append(row)
        return image[0, row]

    with small.session() as session:
        result = session.run([camera])
        np.testing.assert_array_equal(result.outputs[0], small.expected[0][0])
        assert asked == list(range(9)) if mode == "streamed" else set(asked) == set(range(9))
        assert result.rows_read == len(asked)
        small.assert_right(session, 1)  # arrays do as well


def test_rows_that_are_longer_than_a_message_come_in_pieces(make_small):
    small = make_small("host", "streamed", 64)
    row_bytes = 7 * 3
    assert row_bytes < 64 - 8
    small = make_small("host", "streamed", 24 + 40)
    with small.session() as session:
        small.assert_right(session)


@pytest.mark.parametrize("board", ["qemu_m7", "qemu_m4"])
def test_profile_adds_up_to_the_run(make_small, board):
    for mode in ("resident", "streamed"):
        small = make_small(board, mode)
        with small.session() as session:
            plain = session.run(small.inputs[0])
            profile = session.profile(small.inputs[0])
        assert [o.name for o in profile.operators] == list(small.firmware.artifact.operators)
        assert profile.unit == "instructions"
        assert sum(o.cost for o in profile.operators) == pytest.approx(plain.cost, rel=0.01)
        np.testing.assert_array_equal(profile.inference.outputs[0], plain.outputs[0])


def test_costs_do_not_hold_what_the_board_waits_for(make_small):
    """Whether rows come at once or late, the count is the same to the instruction."""
    small = make_small("qemu_m7", "streamed")
    (image,) = small.inputs[0]

    def slow(row: int) -> np.ndarray:
        time.sleep(0.01)
        return image[0, row]

    costs = []
    for line in ("pipe", "tcp"):
        with small.session(transport_to(small.firmware, small.firmware.elf, line)) as session:
            costs += [session.run(i).cost for i in ([image], [slow])]
    assert len(set(costs)) == 1


@pytest.mark.parametrize("board", BOARDS)
def test_reset(make_small, board):
    small = make_small(board)
    with small.session() as session:
        small.assert_right(session)
        session.reset()
        small.assert_right(session, 1)


def test_without_hooks_there_is_no_profile(make_small, tmp_path):
    from microtvm_project import build_firmware

    small = make_small()
    firmware = build_firmware(small.firmware.artifact.path, "host", tmp_path)
    with (
        Session(firmware.artifact, transport_to(firmware, firmware.elf), "host") as session,
        pytest.raises(UserError, match="without profile hooks"),
    ):
        session.profile(small.inputs[0])


def test_sessions_side_by_side(make_small):
    small = make_small()
    errors: list[BaseException] = []

    def work(index: int) -> None:
        try:
            with small.session() as session:
                for _ in range(5):
                    small.assert_right(session, index)
        except BaseException as e:
            errors.append(e)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
