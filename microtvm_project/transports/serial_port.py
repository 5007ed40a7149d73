"""A serial port, found by the USB number of the board's debug probe or by name."""

from __future__ import annotations

import serial
from serial.tools import list_ports

from microtvm_project.transports.base import LineClosedError, Transport
from tvm_patch.errors import BoardError, UserError

ST_LINK = 0x0483
"""STMicroelectronics' number among USB vendors."""


def find_port(vendor: int = ST_LINK, serial_number: str | None = None) -> str:
    """Return the name of the serial port of a board that is plugged in.

    Parameters
    ----------
    vendor : int
        USB number of its vendor.
    serial_number : str, optional
        Of the probe, where there are several boards.

    Raises
    ------
    UserError
        There is none, or there are several.
    """
    ports = [p for p in list_ports.comports() if p.vid == vendor]
    if serial_number is not None:
        ports = [p for p in ports if p.serial_number == serial_number]
    if not ports:
        raise UserError(
            "no board is plugged in: no serial port has the USB vendor "
            f"{vendor:#06x}{f' and the number {serial_number}' if serial_number else ''}; give --option port=…"
        )
    if len(ports) > 1:
        names = ", ".join(f"{p.device} ({p.serial_number})" for p in ports)
        raise UserError(f"several boards are plugged in: {names}; choose with --option port=… or serial=…")
    return str(ports[0].device)


class SerialTransport(Transport):
    """A serial port; nobody else can open it meanwhile.

    Parameters
    ----------
    port : str
        Its name, or a URL that pyserial knows.
    baud : int
        Bits per second.
    """

    def __init__(self, port: str, baud: int = 115200) -> None:
        self.port, self.baud = port, baud
        self._line: serial.SerialBase | None = None
        # Ten bits a byte, 2 KiB there and back, and what USB takes.
        self.reply_seconds = 0.5 + 4096 * 10 / baud

    def open(self) -> None:
        """See :meth:`Transport.open`."""
        self.close()
        try:
            self._line = serial.serial_for_url(self.port, baudrate=self.baud, timeout=0, exclusive=True)
            self._line.reset_input_buffer()
        except (serial.SerialException, OSError, ValueError) as e:
            raise BoardError(f"{self.port} cannot be opened: {e}") from e

    def close(self) -> None:
        """See :meth:`Transport.close`."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def _opened(self) -> serial.SerialBase:
        if self._line is None:
            raise LineClosedError(f"{self.port} is closed")
        return self._line

    def read(self, most: int, timeout: float) -> bytes:
        """See :meth:`Transport.read`."""
        line = self._opened()
        try:
            line.timeout = timeout
            first = line.read(1)
            return bytes(first + line.read(min(line.in_waiting, most - 1))) if first else b""
        except (serial.SerialException, OSError) as e:
            raise LineClosedError(f"{self.port} has gone: {e}") from e

    def write(self, data: bytes, timeout: float) -> None:
        """See :meth:`Transport.write`."""
        line = self._opened()
        try:
            line.write_timeout = timeout
            line.write(data)
        except serial.SerialTimeoutException as e:
            raise BoardError(f"{len(data)} bytes could not be sent within {timeout:g} s") from e
        except (serial.SerialException, OSError) as e:
            raise LineClosedError(f"{self.port} has gone: {e}") from e
