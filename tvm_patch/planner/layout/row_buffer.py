"""Row buffers: which columns of how many rows of a tensor a segment holds at a time."""

from __future__ import annotations

from dataclasses import dataclass

from tvm_patch.planner.row_window import RowWindow

_WORD = 4
BUFFERED_DTYPES = ("int8", "uint8")
"""Types that a row buffer can hold."""


def aligned(size: int) -> int:
    """Round a number of bytes up to whole words."""
    return -(-size // _WORD) * _WORD


@dataclass(frozen=True)
class Span:
    """A range of columns, by band.

    Attributes
    ----------
    first, end : tuple of int
        Per band; may reach outside the tensor, where padding lies.
    """

    first: tuple[int, ...]
    end: tuple[int, ...]

    @property
    def widest(self) -> int:
        """Columns of the widest band."""
        return max(e - f for f, e in zip(self.first, self.end, strict=True))

    @property
    def least(self) -> int:
        """Columns of the narrowest band."""
        return min(e - f for f, e in zip(self.first, self.end, strict=True))

    @property
    def total(self) -> int:
        """Columns of all bands together."""
        return sum(self.end) - sum(self.first)

    def clipped(self, width: int) -> Span:
        """Return the part inside a tensor of `width` columns."""
        return Span(tuple(max(0, f) for f in self.first), tuple(min(width, e) for e in self.end))

    def needs(self, window: RowWindow) -> Span:
        """Return the columns of an input that these output columns are made from."""
        return Span(
            tuple(f * window.column_stride - window.columns_before for f in self.first),
            tuple(
                (e - 1) * window.column_stride - window.columns_before + window.column_reach for e in self.end
            ),
        )

    def joined(self, other: Span) -> Span:
        """Return the least span that holds both."""
        return Span(tuple(map(min, self.first, other.first)), tuple(map(max, self.end, other.end)))

    def shared_padding(self, width: int) -> int:
        """Return how many columns outside a tensor of `width` columns lie on either side of it, in every band.

        Rows laid end to end need them once: what follows one row is what precedes the next.
        """
        if len(set(self.first)) > 1 or len(set(self.end)) > 1:
            return 0
        return max(0, min(-self.first[0], self.end[0] - width))


@dataclass(frozen=True)
class RowBuffer:
    """A rolling buffer of rows of one tensor.

    Attributes
    ----------
    tensor : str
        Whose rows.
    source : str
        ``"made"`` by an operator of the segment, ``"stored"`` (copied from the arena) or ``"fetched"``.
    slots : int
        Rows that it holds; row r lies in slot ``(r + top) % slots``.
    top : int
        Rows of padding above the tensor.
    span : Span
        Columns that a slot holds, by band.
    pixel_bytes : int
        Bytes of one column of one row.
    pad_value : int
        Value of padding.
    offset : int
        Byte offset in the segment's scratch.
    shared : int
        Columns that the padding at the end of a slot and at the start of the next have in common.
    """

    tensor: str
    source: str
    slots: int
    top: int
    span: Span
    pixel_bytes: int
    pad_value: int
    offset: int
    shared: int = 0

    @property
    def slot_bytes(self) -> int:
        """Bytes from one slot to the next."""
        return (self.span.widest - self.shared) * self.pixel_bytes

    @property
    def line_bytes(self) -> int:
        """Bytes of a slot, shared padding included."""
        return self.span.widest * self.pixel_bytes

    @property
    def nbytes(self) -> int:
        """Bytes of the buffer."""
        return self.slots * self.slot_bytes + self.shared * self.pixel_bytes
