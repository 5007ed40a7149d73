"""Host-driven runs: inputs in, outputs out, costs, rows from the host, and what is refused."""

from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
import pytest

from microtvm_project.artifact import load_artifact
from microtvm_project.protocol import Frame, Type, encode
from microtvm_project.protocol.messages import ANSWER, numbers
from microtvm_project.runners import transport_to
from microtvm_project.session import BoardTakenError, Link, Session, Timing
from microtvm_project.transports import Transport, TransportClosedError
from tvm_patch.errors import BoardError, InputError, UserError

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


def test_inputs_of_the_wrong_shape_never_reach_the_board(make_small):
    small = make_small()
    (image,) = small.inputs[0]
    with small.session() as session:
        sent = session.link.statistics.sent
        for wrong in ([image[:, :8]], [image.astype(np.int16)], [], [image, image], {"no": image}):
            with pytest.raises(InputError):
                session.run(wrong)
        with pytest.raises(InputError, match="not fetched row by row"):
            session.run([lambda row: image[0, row]])
        assert session.link.statistics.sent == sent
        small.assert_right(session)


def test_rows_of_the_wrong_shape(make_small):
    small = make_small(mode="streamed")
    (image,) = small.inputs[0]
    with small.session() as session:
        with pytest.raises(BoardError, match=r"row 0 of 'image' is int8 \(6, 3\)"):
            session.run([lambda row: image[0, row, :6]])
        small.assert_right(session)


def raw_request(session: Session, kind: int, body: bytes = b"") -> None:
    session.link.request(kind, body)


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        (0x33, b"", "no such request"),
        (Type.BEGIN, b"", "body of the wrong length"),
        (Type.WRITE, numbers(0), "body of the wrong length"),
        (Type.WRITE, numbers(1, 0) + b"x", "no such input"),
        (Type.WRITE, numbers(0, 5) + b"x", "do not follow"),
        (Type.WRITE, numbers(0, 0) + bytes(190), "outside the input"),
        (Type.RUN, numbers(0), "not been written whole"),
        (Type.READ, numbers(0, 0, 1), "nothing has been run"),
        (Type.PROFILE, numbers(0, 1), "nothing has been run"),
    ],
)
def test_the_firmware_refuses(make_small, kind, body, message):
    small = make_small()
    with small.session() as session:
        session.link.request(Type.BEGIN, numbers(0))
        session.link.request(Type.WRITE, numbers(0, 0))
        with pytest.raises(BoardError, match=message):
            raw_request(session, kind, body)
        small.assert_right(session)


def test_outputs_that_do_not_exist(make_small):
    small = make_small()
    with small.session() as session:
        small.assert_right(session)
        for body in (numbers(1, 0, 1), numbers(0, 0, 6), numbers(0, 6, 0), numbers(0, 2**32 - 1, 2)):
            with pytest.raises(BoardError, match="no such output"):
                raw_request(session, Type.READ, body)
        for body in (numbers(0, 99), numbers(99, 1), numbers(2**32 - 1, 2)):
            with pytest.raises(BoardError, match="no such operators"):
                raw_request(session, Type.PROFILE, body)
        # An input may lie where the output lay.
        raw_request(session, Type.WRITE, numbers(0, 0) + b"x")
        with pytest.raises(BoardError, match="nothing has been run"):
            raw_request(session, Type.READ, numbers(0, 0, 1))


def test_firmware_of_another_artifact_is_refused(make_small, tmp_path):
    small, other = make_small(), make_small(mode="streamed")
    artifact = load_artifact(other.firmware.artifact.path)
    with (
        pytest.raises(BoardError, match=r"of another artifact .*; build and flash it again"),
        Session(artifact, small.transport(), "host"),
    ):
        pass


def read_for_ever(link: Link) -> None:
    while link._next(time.monotonic() + 2) is not None:
        pass


def test_a_frame_of_the_wrong_version_gets_an_error_with_ours(make_small):
    small = make_small()
    transport = small.transport()
    transport.open()
    try:
        transport.write(encode(Frame(Type.HELLO, 1, 2, b"", version=9)), 1)
        link = Link(transport, Timing(reply=0.2, tries=1))
        link._session, link._sequence = 2, 1
        with pytest.raises(BoardError, match=r"refuses version 1 .* build and flash it again"):
            read_for_ever(link)
    finally:
        transport.close()


class Scripted(Transport):
    """Answers every request with what a function makes of it."""

    def __init__(self, answer):
        self.answer, self.waiting = answer, b""

    def open(self):
        pass

    def close(self):
        pass

    def write(self, data, timeout):
        from microtvm_project.protocol import Decoder

        for frame in Decoder().feed(data):
            self.waiting += b"".join(encode(f) for f in self.answer(frame))

    def read(self, most, timeout):
        data, self.waiting = self.waiting, b""
        if not data:
            time.sleep(min(timeout, 0.01))
        return data


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda f: [], "no answer to HELLO, asked 2 times"),
        (lambda f: [Frame(f.type | ANSWER, f.sequence, f.session, b"", version=2)], "speaks version 2"),
        (lambda f: [Frame(f.type | ANSWER, f.sequence, f.session, b"short")], "answered nonsense"),
        (lambda f: [Frame(f.type | ANSWER, f.sequence + 1 & 0xFFFF, f.session)], "no answer to HELLO"),
        (lambda f: [Frame(f.type | ANSWER, f.sequence, f.session ^ 1)], "no answer to HELLO"),
        (lambda f: [Frame(Type.ERROR, f.sequence, f.session, b"\x63\0\0\0")], "refuses: error 99"),
    ],
)
def test_firmware_that_talks_nonsense(make_small, answer, message):
    small = make_small()
    with (
        pytest.raises(BoardError, match=message),
        small.session(Scripted(answer), reply=0.02, tries=2),
    ):
        pass


class Shared(Transport):
    """One line to one board that two hosts have got hold of."""

    def __init__(self, inner: Transport) -> None:
        self.inner = inner

    def open(self):
        if self.inner.pid is None:
            self.inner.open()

    def close(self):
        pass

    def read(self, most, timeout):
        return self.inner.read(most, timeout)

    def write(self, data, timeout):
        self.inner.write(data, timeout)


def test_two_hosts_at_once(make_small):
    """The second one gets the board; the first one is told, and computes nothing with the other's input."""
    small = make_small()
    line = small.transport()
    try:
        first, second = small.session(Shared(line)), small.session(Shared(line))
        with first:
            small.assert_right(first)
            first.link.request(Type.BEGIN, numbers(0))
            with second:
                small.assert_right(second, 1)
                with pytest.raises(BoardTakenError, match="another host has begun a session"):
                    first.run(small.inputs[0])
                small.assert_right(second, 2)
                # Asking again, it takes the board back, and then the second one is told.
                small.assert_right(first)
                with pytest.raises(BoardTakenError):
                    second.link.request(Type.BEGIN, numbers(0))
    finally:
        line.close()


def test_a_second_host_ends_a_run_that_waits_for_rows(make_small):
    small = make_small(mode="streamed")
    line = small.transport()
    try:
        with small.session(Shared(line), reply=0.2) as first:
            image = small.inputs[0][0]

            def source(row: int) -> np.ndarray:
                if row == 3:
                    with small.session(Shared(line)) as second:
                        small.assert_right(second, 1)
                return image[0, row]

            with pytest.raises(BoardTakenError):
                first.run([source])
            small.assert_right(first, 2)
    finally:
        line.close()


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
        with pytest.raises(TransportClosedError, match="killed by signal 9"):
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


def test_options_of_another_kind_of_board_are_refused(make_small):
    import tvm_patch

    folder = make_small().firmware.artifact.path
    with pytest.raises(UserError, match="host is not built with Zephyr and takes no options="):
        tvm_patch.Session("host", folder, options={"port": "x"})
    with pytest.raises(UserError, match="nucleo_f746zg is built with Zephyr"):
        tvm_patch.Session("nucleo_f746zg", folder, sanitize=True)
    with pytest.raises(UserError, match="there is no option 'prot'"):
        tvm_patch.Session("nucleo_f746zg", folder, options={"prot": "x"})
