"""Ways for bytes to get to firmware and back: one file per way."""

from microtvm_project.transports.base import LineClosedError, Transport
from microtvm_project.transports.child import ChildTransport
from microtvm_project.transports.fifo import FifoTransport
from microtvm_project.transports.pipe import PipeTransport
from microtvm_project.transports.serial_port import SerialTransport
from microtvm_project.transports.tcp import TcpChildTransport, TcpTransport

__all__ = [
    "ChildTransport",
    "FifoTransport",
    "LineClosedError",
    "PipeTransport",
    "SerialTransport",
    "TcpChildTransport",
    "TcpTransport",
    "Transport",
]
