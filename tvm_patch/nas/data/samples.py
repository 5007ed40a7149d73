"""What all data sets do alike: batches in a seeded order, made ahead by threads; what is small is kept."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count

import numpy as np

from tvm_patch.errors import InputError

KEPT_BYTES = 512 << 20
"""What a set keeps of resized pictures."""
_AHEAD = 2
"""Batches that are made while one is used."""
_PORTION = 16
"""Pictures that a thread makes at a time."""
_LARGEST = 4096


def threads() -> int:
    """Return how many threads make pictures."""
    return min(8, os.cpu_count() or 1)


class Samples(ABC):
    """A set whose pictures are made one by one, at any resolution.

    Parameters
    ----------
    classes : tuple of str
    colors : int
        1 or 3.
    """

    def __init__(self, classes: tuple[str, ...], colors: int) -> None:
        if colors not in (1, 3):
            raise InputError(f"pictures of {colors} channels; there can be 1 or 3")
        self.classes = classes
        self.colors = colors
        self._kept: OrderedDict[int, np.ndarray] = OrderedDict()

    @abstractmethod
    def __len__(self) -> int:
        """Return how many pictures there are."""

    @abstractmethod
    def sized(self, index: int, resolution: int) -> np.ndarray:
        """Return one picture, uint8 of shape (resolution, resolution, colors); may be called by several threads."""

    def at(self, resolution: int) -> np.ndarray:
        """Return all pictures; see :class:`tvm_patch.nas.data.pictures.Pictures`."""
        _check(resolution, 1)
        if resolution in self._kept:
            self._kept.move_to_end(resolution)
            return self._kept[resolution]
        made = np.empty((len(self), resolution, resolution, self.colors), np.uint8)

        def fill(start: int) -> None:
            for index in range(start, min(start + _PORTION, len(self))):
                made[index] = self.sized(index, resolution)

        with ThreadPoolExecutor(threads()) as pool:
            for _ in pool.map(fill, range(0, len(self), _PORTION)):
                pass
        made.flags.writeable = False
        self._kept[resolution] = made
        while sum(kept.nbytes for kept in self._kept.values()) > KEPT_BYTES:
            self._kept.popitem(last=False)
        return made

    def _sized(self, index: int, resolution: int) -> np.ndarray:
        kept = self._kept.get(resolution)
        return self.sized(index, resolution) if kept is None else kept[index]


def in_batches(
    samples: int,
    size: int,
    seed: int | None,
    first: int,
    shape: tuple[int, ...],
    make: Callable[[int, int], np.ndarray],
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield batches of pictures and the indices of their samples.

    Parameters
    ----------
    samples : int
        How many there are.
    size, seed, first
        As for :meth:`tvm_patch.nas.data.pictures.Pictures.batches`.
    shape : tuple of int
        Of a picture.
    make : callable
        Makes a picture from a sample and its place in the whole stream, which is what randomness is seeded by: then
        nothing depends on threads, or on the batch that was begun with.
    """
    _check(shape[0], size)
    if not samples:
        raise InputError("there are no pictures")
    orders = _in_order(samples, size, first) if seed is None else _shuffled(samples, size, seed, first)

    def portion(out: np.ndarray, indices: np.ndarray, place: int) -> None:
        for offset, index in enumerate(indices):
            out[offset] = make(int(index), place + offset)

    with ThreadPoolExecutor(threads()) as pool:
        waiting: deque[tuple[np.ndarray, np.ndarray, list[Future[None]]]] = deque()

        def begin() -> None:
            for place, indices in orders:
                out = np.empty((len(indices), *shape), np.uint8)
                cuts = range(0, len(indices), _PORTION)
                jobs = [
                    pool.submit(portion, out[c : c + _PORTION], indices[c : c + _PORTION], place + c)
                    for c in cuts
                ]
                waiting.append((out, indices, jobs))
                return

        try:
            for _ in range(1 + _AHEAD):
                begin()
            while waiting:
                out, indices, jobs = waiting.popleft()
                for job in jobs:
                    job.result()
                begin()
                yield out, indices
        finally:
            for _, _, jobs in waiting:
                for job in jobs:
                    job.cancel()


def _check(resolution: int, size: int) -> None:
    if not 1 <= resolution <= _LARGEST:
        raise InputError(f"a resolution of {resolution}; there can be 1 to {_LARGEST}")
    if size < 1:
        raise InputError(f"batches of {size} pictures; there must be at least one in each")


def _in_order(samples: int, size: int, first: int) -> Iterator[tuple[int, np.ndarray]]:
    for place in range(first * size, samples, size):
        yield place, np.arange(place, min(place + size, samples))


def _shuffled(samples: int, size: int, seed: int, first: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yield batches out of one stream of rounds, so that every picture comes once in each round."""
    at, order = -1, np.empty(0, np.int64)
    for batch in count(first):
        parts, place, missing = [], batch * size, size
        while missing:
            turn, offset = divmod(place + size - missing, samples)
            if turn != at:
                at, order = turn, np.random.default_rng([seed, turn]).permutation(samples)
            parts.append(order[offset : offset + missing])
            missing -= len(parts[-1])
        yield place, np.concatenate(parts)
