"""The transport to a program that runs here."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from microtvm_project.build import Firmware
from microtvm_project.runners.ending import explain_end
from microtvm_project.runners.qemu import qemu_command
from microtvm_project.transports import ChildTransport, FifoTransport, PipeTransport, TcpChildTransport
from tvm_patch.errors import UserError

Line = Literal["pipe", "tcp"]
"""How to talk to it: pipes, or TCP to the serial port of an emulated board."""


def transport_to(
    firmware: Firmware, elf: Path, line: Line = "pipe", options: Sequence[str] = ()
) -> ChildTransport:
    """Return the transport that runs one of a firmware's programs and talks to it.

    Parameters
    ----------
    firmware : Firmware
        For ``host`` or an emulated board.
    elf : Path
        The program.
    line : {"pipe", "tcp"}
        How to talk to it.
    options : sequence of str
        Further ones for QEMU.

    Raises
    ------
    ToolMissingError
        QEMU is not installed.
    UserError
        The host is spoken to through pipes only.
    """
    explain = partial(explain_end, firmware)
    if firmware.board.runner == "host":
        if line != "pipe":
            raise UserError("a program on the host is spoken to through pipes; leave the transport out")
        return PipeTransport([str(elf)], explain)
    command = [*qemu_command(firmware.board, elf), *options]
    if line == "pipe":
        return FifoTransport([*command, "-serial", "null"], explain)
    return TcpChildTransport(lambda port: [*command, *_serial_port(port)], explain)


def _serial_port(port: int) -> list[str]:
    """Return QEMU's options for a serial port on a TCP port of ours."""
    return ["-chardev", f"socket,id=line,host=127.0.0.1,port={port},nodelay=on", "-serial", "chardev:line"]
