"""The host as the source of rows for models whose input is not in the arena."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from microtvm_project.protocol import Wanted
from tvm_patch.artifact_metadata import InputEntry
from tvm_patch.errors import BoardError

RowSource = Callable[[int], np.ndarray]
"""Given a row's number, returns the row: an array of the tensor's dtype and shape but for the first two dimensions."""

ROW_FAILED = 77
"""What ends a run whose row could not be given; ``ROWS_ERROR_FAILED`` in the firmware."""


class HostRows:
    """Answers what a run wants of its fetched inputs.

    Parameters
    ----------
    tensors : sequence of InputEntry
        The fetched inputs, in the order of the model's row sources.
    sources : sequence of ndarray or callable
        One per tensor: all of it, or a function that gives a row.
    """

    def __init__(self, tensors: Sequence[InputEntry], sources: Sequence[np.ndarray | RowSource]) -> None:
        self.tensors = tensors
        self.sources = sources
        self.failure: Exception | None = None
        self._last: tuple[int, int] | None = None
        self._row = b""
        self._begun = False

    @property
    def can_start_again(self) -> bool:
        """Whether nothing was taken of a source that gives each row once."""
        streams = (
            callable(s) and t.mode == "streamed" for t, s in zip(self.tensors, self.sources, strict=True)
        )
        return not (self._begun and any(streams))

    def give(self, wanted: Wanted) -> tuple[bytes, int]:
        """Return a piece of a row and 0, or nothing and the status that ends the run.

        Raises
        ------
        BoardError
            There is no such piece.
        """
        self._begun = True
        if wanted.source >= len(self.tensors):
            raise BoardError(f"the firmware asks for input {wanted.source} of {len(self.tensors)}")
        tensor = self.tensors[wanted.source]
        row_bytes = tensor.bytes // tensor.shape[1]
        if wanted.row >= tensor.shape[1] or wanted.offset + wanted.count > row_bytes:
            raise BoardError(
                f"the firmware asks for bytes {wanted.offset} to {wanted.offset + wanted.count} of row {wanted.row} "
                f"of {tensor.name!r}, which has {tensor.shape[1]} rows of {row_bytes} bytes"
            )
        if self._last != (wanted.source, wanted.row):
            try:
                self._row = self._fetch(tensor, self.sources[wanted.source], wanted.row)
            except Exception as e:
                # Whatever the user's function raises is raised again when the run has ended.
                self.failure = e
                return b"", ROW_FAILED
            self._last = (wanted.source, wanted.row)
        return self._row[wanted.offset : wanted.offset + wanted.count], 0

    @staticmethod
    def _fetch(tensor: InputEntry, source: np.ndarray | RowSource, row: int) -> bytes:
        given = source(row) if callable(source) else source[0, row]
        array = np.ascontiguousarray(given)
        if array.dtype != np.dtype(tensor.dtype) or array.shape != tensor.shape[2:]:
            raise BoardError(
                f"row {row} of {tensor.name!r} is {array.dtype} {array.shape}, "
                f"the model wants {tensor.dtype} {tensor.shape[2:]}"
            )
        return array.tobytes()
