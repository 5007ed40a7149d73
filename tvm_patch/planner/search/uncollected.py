"""Searching without looking for cycles of references."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Switch the search for cycles of references off.

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
