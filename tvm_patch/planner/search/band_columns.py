"""Ranges of columns of every band of every number of bands, computed together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tvm_patch.planner.estimate.cycles import OperatorCost
from tvm_patch.planner.row_window import RowWindow

MOST_BANDS = 8
"""Bands that are tried."""

BAND_COUNTS = np.arange(1, MOST_BANDS + 1)
_STARTS = np.cumsum([0, *range(1, MOST_BANDS)])
Array = Any  # numpy array; one entry per number of bands, or per band of every number of bands


@dataclass
class Columns:
    """Ranges of columns of all bands of all numbers of bands, one after the other."""

    first: Array
    end: Array

    def joined(self, other: Columns | None) -> Columns:
        """Return the least ranges that hold both."""
        if other is None:
            return self
        return Columns(np.minimum(self.first, other.first), np.maximum(self.end, other.end))

    def needs(self, window: RowWindow) -> Columns:
        """Return the columns of an input that these output columns are made from."""
        return Columns(
            self.first * window.column_stride - window.columns_before,
            (self.end - 1) * window.column_stride - window.columns_before + window.column_reach,
        )

    def widest(self) -> Array:
        """Return the columns of the widest band."""
        return np.maximum.reduceat(self.end - self.first, _STARTS)

    def row_cycles(self, cost: OperatorCost, call: float) -> Array:
        """Return the cycles of one row, all bands together; `call` is what a call of the kernel takes."""
        widths = self.end - self.first
        uneven = np.maximum.reduceat(widths, _STARTS) != np.minimum.reduceat(widths, _STARTS)
        return (call + cost.dynamic * uneven) * BAND_COUNTS + cost.column * np.add.reduceat(widths, _STARTS)

    def total(self) -> Array:
        """Return the columns of all bands together."""
        return np.add.reduceat(self.end - self.first, _STARTS)

    def clipped(self, width: int) -> Columns:
        """Return the part inside a tensor of `width` columns."""
        return Columns(np.maximum(self.first, 0), np.minimum(self.end, width))

    def inside(self, width: int) -> Array:
        """Tell whether every band has columns inside a tensor of `width` columns, not only padding."""
        clipped = self.clipped(width)
        return np.minimum.reduceat(clipped.end - clipped.first, _STARTS) >= 1

    def shared_padding(self, width: int) -> Array:
        """Return what :meth:`tvm_patch.planner.layout.row_buffer.Span.shared_padding` does."""
        low, high = np.minimum.reduceat(self.first, _STARTS), np.maximum.reduceat(self.end, _STARTS)
        same = low == np.maximum.reduceat(self.first, _STARTS)
        same &= high == np.minimum.reduceat(self.end, _STARTS)
        return np.where(same, np.maximum(0, np.minimum(-low, high - width)), 0)

    def whole_tensor(self, width: int) -> Columns:
        """Return all columns of a tensor, in every band."""
        return Columns(np.zeros_like(self.first), np.full_like(self.end, width))

    def widened(self, width: int) -> Columns:
        """Return, in every band, all of the tensor and what any band needs beside it."""
        low = np.minimum(np.minimum.reduceat(self.first, _STARTS), 0)
        high = np.maximum(np.maximum.reduceat(self.end, _STARTS), width)
        return Columns(np.repeat(low, BAND_COUNTS), np.repeat(high, BAND_COUNTS))
