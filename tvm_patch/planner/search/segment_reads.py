"""What a segment reads that nothing in it makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tvm_patch.planner.row_window import RowWindow
from tvm_patch.planner.search.pace import Node
from tvm_patch.planner.search.pieces import Bands, Piece


class Use(NamedTuple):
    """How one piece of a segment reads a tensor.

    Attributes
    ----------
    node : Node
        The reader.
    windows : tuple of RowWindow
    padded : tuple of RowWindow
        Those that cannot read a stored tensor in place.
    """

    node: Node
    windows: tuple[RowWindow, ...]
    padded: tuple[RowWindow, ...]


class Reads(NamedTuple):
    """All uses of a tensor by a segment.

    Attributes
    ----------
    uses : tuple of Use
        By their turns: the first drives.
    wanted : tuple of (int, int)
        Columns that all windows need, by band.
    held : tuple of (int, int) or None
        Columns that the padded windows need.
    """

    uses: tuple[Use, ...]
    wanted: Bands
    held: Bands | None


class OpenReads:
    """What a segment reads that nothing in it makes; one object for all segments that read the same.

    Attributes
    ----------
    reads : mapping of str to Reads
        By tensor.
    steps : dict
        Of pieces that were put before it, what that takes.
    """

    __slots__ = ("buffers", "reads", "sources", "steps")

    def __init__(self, reads: Mapping[str, Reads]) -> None:
        self.reads = reads
        self.steps: dict[tuple[Piece, bool], Step | None] = {}
        self.sources: Sources | bool | None = False
        self.buffers: tuple[tuple[str, int], ...] | None = None


class Step(NamedTuple):
    """What it takes to put a piece before a segment.

    Attributes
    ----------
    open : OpenReads
        What is read then.
    node : Node
        The piece among the demands.
    scratch, kernel, macs : int
        Bytes of the row buffer of what the piece makes, of its kernel's scratch; multiply-accumulates.
    cycles : float
    late : bool
        Whether some rows are made when the segment's last operator has finished: numbers are not right then.
    """

    open: OpenReads
    node: Node
    scratch: int
    kernel: int
    macs: int
    cycles: float
    late: bool = False


class Sources(NamedTuple):
    """What it takes to begin a segment here.

    Attributes
    ----------
    scratch : int
        Bytes of row buffers of tensors that are stored or fetched.
    cycles : float
    stored : tuple of str
        Tensors read from the arena.
    """

    scratch: int
    cycles: float
    stored: tuple[str, ...]
