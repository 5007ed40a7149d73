"""The serial transport, over a pseudo-terminal that firmware of the host sits behind."""

from __future__ import annotations

import os
import pty
import subprocess
import threading
import tty
from types import SimpleNamespace

import pytest
from serial.tools import list_ports

from microtvm_project.transports import LineClosedError, SerialTransport
from microtvm_project.transports.serial_port import ST_LINK, find_port
from tvm_patch.errors import BoardError, UserError


class Board:
    """Firmware behind a serial port; unplug() takes the port away, as a pulled cable does."""

    def __init__(self, elf) -> None:
        self.ours, theirs = pty.openpty()
        tty.setraw(self.ours)
        tty.setraw(theirs)
        self.port = os.ttyname(theirs)
        self.theirs = theirs
        self.process = subprocess.Popen([elf], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.threads = [threading.Thread(target=self._carry, args=p, daemon=True) for p in self._pairs()]
        for thread in self.threads:
            thread.start()

    def _pairs(self):
        return ((self.ours, self.process.stdin.fileno()), (self.process.stdout.fileno(), self.ours))

    @staticmethod
    def _carry(source: int, sink: int) -> None:
        try:
            while data := os.read(source, 4096):
                os.write(sink, data)
        except OSError:
            return

    def unplug(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)


@pytest.fixture
def board(make_small):
    made = Board(make_small().firmware.elf)
    yield made
    if made.process.poll() is None:
        made.unplug()


def test_runs_over_a_serial_port(make_small, board):
    small = make_small()
    with small.session(SerialTransport(board.port)) as session:
        for index in (0, 1, 2):
            small.assert_right(session, index)
    # The firmware goes on; the next host finds it.
    with small.session(SerialTransport(board.port)) as session:
        small.assert_right(session)


def test_a_port_is_one_hosts_alone(make_small, board):
    small = make_small()
    with small.session(SerialTransport(board.port)) as session:
        with (
            pytest.raises(BoardError, match=r"cannot be opened: .*"),
            small.session(SerialTransport(board.port)),
        ):
            pass
        small.assert_right(session)


def test_a_pulled_cable(make_small, board):
    small = make_small()
    with small.session(SerialTransport(board.port), reply=0.2, tries=3) as session:
        small.assert_right(session)
        board.unplug()
        with pytest.raises((LineClosedError, BoardError), match=board.port):
            small.assert_right(session)


def test_a_port_that_is_not_there(make_small):
    small = make_small()
    with (
        pytest.raises(BoardError, match="/dev/none cannot be opened"),
        small.session(SerialTransport("/dev/none")),
    ):
        pass


def test_answers_may_take_as_long_as_the_line_is_slow():
    assert SerialTransport("x", 9600).reply_seconds > 4 > SerialTransport("x", 921600).reply_seconds


def port(device: str, vendor: int, number: str) -> SimpleNamespace:
    return SimpleNamespace(device=device, vid=vendor, serial_number=number)


def test_boards_are_found_by_their_usb_vendor(monkeypatch):
    plugged = [port("/dev/ttyUSB0", 0x0403, "A")]
    monkeypatch.setattr(list_ports, "comports", lambda: plugged)
    with pytest.raises(UserError, match=r"no board is plugged in: .* 0x0483; give --option port="):
        find_port()
    plugged.append(port("/dev/ttyACM0", ST_LINK, "066A"))
    assert find_port() == "/dev/ttyACM0"
    plugged.append(port("/dev/ttyACM1", ST_LINK, "066B"))
    with pytest.raises(UserError, match=r"several boards are plugged in: .*066A.*066B"):
        find_port()
    assert find_port(serial_number="066B") == "/dev/ttyACM1"
    with pytest.raises(UserError, match="and the number 066C"):
        find_port(serial_number="066C")
