"""When Python looks for dead objects that refer to each other."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


def collect_rarely() -> None:
    """Look for cycles of dead objects seldom, in a process that compiles and ends.

    What a command makes is mostly alive until its end.  The usual thresholds go through all that importing TVM leaves
    four times: one second of twenty that a compilation takes.
    """
    gc.set_threshold(50_000, 10, 10)


@contextmanager
def uncollected() -> Iterator[None]:
    """Look for cycles of dead objects not at all.

    A search makes hundreds of thousands of small objects that live as long as it does, and Python would go through all
    of them, and through all else that is in memory, again and again: a third of the time of a small search.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
