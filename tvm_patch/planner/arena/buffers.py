"""What the arena planner is given and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Buffer:
    """A block of the arena that must keep its content for a while.

    Attributes
    ----------
    name : str
        Unique among the buffers of one plan.
    size : int
        Bytes.
    first, last : int
        First and last operator (both included) during which the content must be kept.
    align : int
        The offset is a multiple of this power of two, in bytes.
    """

    name: str
    size: int
    first: int
    last: int
    align: int = 1

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError(f"buffer {self.name!r}: negative size {self.size}")
        if self.last < self.first:
            raise ValueError(f"buffer {self.name!r} ends ({self.last}) before it begins ({self.first})")
        if self.align < 1 or self.align & (self.align - 1):
            raise ValueError(f"buffer {self.name!r}: alignment {self.align} is not a power of two")

    def aligned(self, offset: int) -> int:
        """Return the least offset for this buffer that is not below `offset`."""
        return offset + -offset % self.align


@dataclass(frozen=True)
class Overlap:
    """Leave for an operator to write `output` over `input`, which dies with it.

    The two must be disjoint, or ``offset(input) - offset(output) >= min_distance`` must hold.

    Attributes
    ----------
    input, output : str
        Buffers; the last use of `input` is the first of `output`.
    min_distance : int
        Bytes.  0 for operators that work element by element; see
        :func:`tvm_patch.planner.layout.overlap.overlap_distance` for those that work row by row.
    """

    input: str
    output: str
    min_distance: int = 0


@dataclass(frozen=True)
class ArenaPlan:
    """Where every buffer lies.

    Attributes
    ----------
    offsets : mapping of str to int
        Byte offset in the arena by buffer name.
    size : int
        Bytes of the arena; a multiple of the least alignment.
    method : str
        The algorithm that found it.
    lower_bound : int
        No plan needs fewer bytes than this.
    """

    offsets: Mapping[str, int]
    size: int
    method: str
    lower_bound: int

    @property
    def optimal(self) -> bool:
        """Whether no smaller arena exists."""
        return self.size == self.lower_bound
