"""Files that samples are decoded from: checked at once, kept where they are few, decoded again where they are many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from tvm_patch.errors import InputError
from tvm_patch.nas.data.decode import LARGEST, decode, upright_size
from tvm_patch.nas.data.samples import threads
from tvm_patch.nas.data.text import refuse

KEPT_BYTES = 1 << 30
"""Of decoded samples, what a store keeps."""
CHECKED_FILES = 100_000
"""Up to this many files are looked at before anything is done; more would take minutes."""


class Store:
    """Samples in files, decoded when they are asked for.

    Parameters
    ----------
    files : sequence of str
    read : callable
        Decodes a file; raises InputError, which names it.
    size : callable
        Tells how many bytes a file is when decoded, from its head alone; raises InputError, which names it.
    """

    def __init__(
        self, files: Sequence[str], read: Callable[[str], np.ndarray], size: Callable[[str], int]
    ) -> None:
        self.files = tuple(files)
        self._read, self._size = read, size
        self._kept: dict[int, np.ndarray] = {}
        self._room = KEPT_BYTES

    def __len__(self) -> int:
        return len(self.files)

    def get(self, index: int) -> np.ndarray:
        """Return a sample; may be called by several threads.

        Raises
        ------
        InputError
            When its file cannot be read; names it.
        """
        kept = self._kept.get(index)
        if kept is None:
            kept = self._read(self.files[index])
            if kept.nbytes <= self._room:
                kept.flags.writeable = False
                if self._kept.setdefault(index, kept) is kept:
                    self._room -= kept.nbytes
        return kept

    def check(self) -> None:
        """Look at all files where they are not too many: at all of each if all can be kept, else at its head.

        Raises
        ------
        InputError
            Names the first bad file and counts the others.
        """
        if len(self.files) > CHECKED_FILES:
            return
        sizes = self._each(range(len(self.files)), lambda index: self._size(self.files[index]))
        good = [index for index, size in enumerate(sizes) if not isinstance(size, InputError)]
        bad = {index: size for index, size in enumerate(sizes) if isinstance(size, InputError)}
        if sum(size for size in sizes if not isinstance(size, InputError)) <= KEPT_BYTES:
            found = self._each(good, lambda index: self.get(index).nbytes)
            bad |= {i: error for i, error in zip(good, found, strict=True) if isinstance(error, InputError)}
        refuse("files", [bad[index] for index in sorted(bad)], len(self.files))

    @staticmethod
    def _each(indices: Sequence[int], ask: Callable[[int], int]) -> list[int | InputError]:
        def answer(index: int) -> int | InputError:
            try:
                return ask(index)
            except InputError as error:
                return error

        with ThreadPoolExecutor(threads()) as pool:
            return list(pool.map(answer, indices, chunksize=64))


def picture_store(files: Sequence[str | Path], colors: int, largest: int = LARGEST) -> Store:
    """Return a store of pictures.

    Parameters
    ----------
    files : sequence of path
    colors : int
        1 or 3.
    largest : int
        The short side to which larger pictures are reduced.
    """

    def size(path: str) -> int:
        rows, columns = upright_size(path)
        scale = min(1.0, largest / min(rows, columns))
        return int((rows * scale + 1) * (columns * scale + 1)) * colors

    return Store([str(file) for file in files], lambda path: decode(path, colors, largest), size)
