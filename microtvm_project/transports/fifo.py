"""QEMU whose guest opens two named pipes in QEMU's working directory through semihosting.

It is the quickest way: the guest executes a few instructions a message, and none while it waits.
"""

from __future__ import annotations

import os

from microtvm_project.transports.child import ChildTransport


class FifoTransport(ChildTransport):
    """See :class:`ChildTransport`."""

    def _connect(self) -> tuple[int, int]:
        descriptors = []
        for name in ("from_board", "to_board"):
            os.mkfifo(self.folder / name)
            # For reading and writing, so that neither side waits for the other one to open it.
            descriptors.append(os.open(self.folder / name, os.O_RDWR | os.O_NONBLOCK))
            if len(descriptors) == 1:
                self._receive = descriptors[0]
        self._send = descriptors[1]
        self._start(self.command)
        return self._receive, self._send

    def _disconnect(self) -> None:
        for descriptor in (self._receive, self._send):
            if descriptor >= 0:
                os.close(descriptor)
