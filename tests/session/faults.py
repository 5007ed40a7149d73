"""A transport that damages what goes through it, by a seeded plan."""

from __future__ import annotations

import random
import time
from collections import deque
from dataclasses import dataclass, fields

from microtvm_project.transports import Transport


@dataclass(frozen=True)
class Faults:
    """Chances per write or read (``truncate``, ``delay``) or per byte (all others)."""

    drop: float = 0.0
    flip: float = 0.0
    duplicate: float = 0.0
    truncate: float = 0.0
    delay: float = 0.0
    delay_seconds: float = 0.03


class FaultyTransport(Transport):
    """Passes bytes on to another transport and back, not all of them as they were."""

    def __init__(self, inner: Transport, faults: Faults, seed: int) -> None:
        self.inner = inner
        self.faults = faults
        self.random = random.Random(seed)
        self.done = {f.name: 0 for f in fields(Faults)}
        self.held: deque[tuple[float, bytes]] = deque()
        self.reply_seconds = 0.02

    def open(self) -> None:
        self.held.clear()
        self.inner.open()

    def close(self) -> None:
        self.inner.close()

    def _happens(self, name: str) -> bool:
        if self.random.random() >= getattr(self.faults, name):
            return False
        self.done[name] += 1
        return True

    def _damage(self, data: bytes) -> bytes:
        if data and self._happens("truncate"):
            data = data[: self.random.randrange(len(data))]
        rate = self.faults.drop + self.faults.flip + self.faults.duplicate
        if rate == 0:
            return data
        out = bytearray()
        for byte in data:
            if self._happens("drop"):
                continue
            if self._happens("flip"):
                byte ^= 1 << self.random.randrange(8)  # noqa: PLW2901
            out.append(byte)
            if self._happens("duplicate"):
                out.append(byte)
        return bytes(out)

    def read(self, most: int, timeout: float) -> bytes:
        end = time.monotonic() + timeout
        while True:
            now = time.monotonic()
            if self.held and self.held[0][0] <= now:
                return self.held.popleft()[1]
            left = max(end - now, 0)
            if self.held:
                left = min(left, self.held[0][0] - now)
            data = self._damage(self.inner.read(most, left))
            late = self.faults.delay_seconds if data and self._happens("delay") else 0.0
            if data:
                # What comes later is not overtaken: a line keeps the order.
                at = max(time.monotonic() + late, self.held[-1][0] if self.held else 0.0)
                self.held.append((at, data))
            elif time.monotonic() >= end and not (self.held and self.held[0][0] <= end):
                return b""

    def write(self, data: bytes, timeout: float) -> None:
        data = self._damage(data)
        # A frame that comes twice whole, as a bridge may repeat it.
        if self._happens("duplicate"):
            data += data
        self.inner.write(data, timeout)
