"""Segments that end at one operator, some of their operators composites, in one sweep.

A segment grows backwards.  What it has been made of so far is a :class:`Grown`; of those that begin at one operator
only a few are kept, which no other beats in bytes and cycles.  Numbers are those of
:func:`tvm_patch.planner.layout.rows_builder.layout_rows`, which a test holds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from tvm_patch.errors import PlanError
from tvm_patch.planner.composite import Composite
from tvm_patch.planner.estimate.cycles import (
    BAND,
    buffer_rates,
    composite_pieces,
    cycles_of_pieces,
)
from tvm_patch.planner.layout.composite import CompositeDesc
from tvm_patch.planner.layout.row_buffer import BUFFERED_DTYPES, aligned
from tvm_patch.planner.network import Network, OperatorDesc
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.planner.search.pace import Node, PacedRead, first_row, last_row, rows_waiting
from tvm_patch.planner.search.pieces import Bands, Piece, clipped, joined


@dataclass(frozen=True)
class _Use:
    node: Node
    windows: tuple[RowWindow, ...]
    padded: tuple[RowWindow, ...]
    """Those that cannot read a stored tensor in place."""


@dataclass(frozen=True)
class _Reads:
    """All uses of a tensor by what the segment has so far, with the columns that they need."""

    uses: tuple[_Use, ...]
    wanted: Bands
    held: Bands | None


@dataclass(frozen=True)
class Grown:
    """A segment.

    Attributes
    ----------
    pieces : tuple of Piece
        Last first.
    reads : mapping of str to _Reads
        Tensors that nothing in it makes.
    kept : tuple of str
        Tensors that it makes and that are needed after it, beside its output.
    scratch, kernel_scratch, macs : int
    cycles : float
    """

    growing: Fused
    pieces: tuple[Piece, ...] = ()
    reads: Mapping[str, _Reads] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    scratch: int = 0
    kernel_scratch: int = 0
    macs: int = 0
    cycles: float = 0.0

    def before(self, piece: Piece) -> Grown | None:
        """Return the segment with a piece put before all others, None where it cannot be."""
        return self.growing.grow(self, piece)

    @property
    def operators(self) -> tuple[int, ...]:
        """In run order."""
        return tuple(i for piece in reversed(self.pieces) for i in piece.operators)

    @property
    def composites(self) -> tuple[Composite, ...]:
        """In run order."""
        return tuple(p.composite for p in reversed(self.pieces) if p.composite is not None)

    @cached_property
    def costs(self) -> Costs | None:
        """What it costs as it is; None where it cannot run."""
        return self.growing.costs(self)

    def distance(self, source: str) -> int | None:
        """Return the least (offset of a source - offset of the output) in bytes at which it may be overwritten."""
        return self.growing.distance(self, source)

    @cached_property
    def open_bytes(self) -> int:
        """Bytes of row buffers that it has once all that it reads is made by it, at least."""
        return self.growing.open_bytes(self)


@dataclass(frozen=True)
class Costs:
    """What a segment costs.

    Attributes
    ----------
    scratch, macs, cycles : int
    sources, stored : tuple of str
        Tensors read from and written to the arena; the sink's output is the last.
    """

    scratch: int
    macs: int
    cycles: int
    sources: tuple[str, ...]
    stored: tuple[str, ...]


class Fused:
    """Segments that end at one operator, in so many bands.

    Parameters
    ----------
    network : Network
    needed : collection of str
        Tensors that something after the segment needs.
    fetched : collection of str
        Network inputs whose rows are fetched.
    bands : int
        At most as many as the output has columns.
    """

    def __init__(
        self, network: Network, needed: Collection[str], fetched: Collection[str], bands: int = 1
    ) -> None:
        self.network, self.needed, self.fetched, self.bands = network, needed, fetched, bands
        self._costs = network.target.costs
        self._rates = {f: buffer_rates(self._costs, f) for f in (False, True)}

    def start(self, piece: Piece, reduces: bool = False) -> Grown | None:
        """Return the segment of the last piece alone, None where it cannot be cut into the bands."""
        op = piece.desc
        self.reduces = reduces
        tensor = self.network.tensors[op.inputs[0] if reduces else op.outputs[0]]
        rows, width = tensor.shape[1], tensor.shape[2]
        self.sink_rows = rows
        step = -(-width // self.bands)
        own = tuple((first, min(width, first + step)) for first in range(0, width, step))
        if len(own) != self.bands or (self.bands > 1 and not op.bandable):
            return None
        cycles = self._costs.get(BAND, 0.0) * self.bands
        empty = Grown(self, scratch=aligned(op.state_bytes) if reduces else 0, cycles=cycles)
        node = Node(None, op.index, (), rows, rows, 0, op.rows_at_once)
        try:
            return self._include(empty, piece, node, own, dict(empty.reads))
        except PlanError:
            return None

    def grow(self, grown: Grown, piece: Piece) -> Grown | None:
        """See :meth:`Grown.before`."""
        op = piece.desc
        name = op.outputs[0]
        reads, tensor = grown.reads.get(name), self.network.tensors[name]
        if reads is None or not op.rows:
            return None
        kept = name in self.needed
        if self.bands > 1 and (kept or not op.bandable):
            return None
        height, width = tensor.shape[1], tensor.shape[2]
        waiting = self._waiting(reads, padded_only=False, kept=kept, rows=height, at_once=op.rows_at_once)
        buffered = [w for use in reads.uses for w in (use.padded if kept else use.windows)]
        if waiting is None or not self._can_buffer(name, buffered):
            return None
        if not kept and any(w.stride == 0 for w in buffered):
            return None
        driver = reads.uses[0]
        parent = driver.node
        node = Node(parent, op.index, driver.windows, height, 0, parent.depth + 1, op.rows_at_once)
        demanded = node.demanded_by(parent.count)
        node.count = height if kept else demanded
        if kept and demanded < height:
            return None  # rows that are made after the sink has finished
        own = ((0, width),) if kept else clipped(reads.wanted, width)
        if any(high <= low for low, high in own):
            return None
        scratch, cycles = grown.scratch, grown.cycles
        if buffered:
            scratch += self._buffer_bytes(name, waiting, reads, kept)
            cycles += self._padding_cost(name, reads, kept, made=True)
        left = dict(grown.reads)
        del left[name]
        grown = Grown(
            self,
            grown.pieces,
            left,
            (*grown.kept, name) if kept else grown.kept,
            scratch,
            grown.kernel_scratch,
            grown.macs,
            cycles,
        )
        try:
            return self._include(grown, piece, node, own, left)
        except PlanError:  # a band of a composite reads nothing but padding
            return None

    def _include(self, grown: Grown, piece: Piece, node: Node, own: Bands, reads: dict[str, _Reads]) -> Grown:
        """Add a piece that makes (or reduces) the columns `own`."""
        op, last = piece.desc, not grown.pieces
        reduces = last and self.reduces
        windows = (RowWindow(),) if reduces else op.rows
        macs, kernel = grown.macs, grown.kernel_scratch
        runs = -(-node.count // op.rows_at_once)
        cycles = grown.cycles + piece.once
        if isinstance(op, CompositeDesc):
            run_macs, run_cycles = self._run_of(piece, op, own)
            macs += run_macs * runs
            cycles += run_cycles * runs
        else:
            widths = [high - low for low, high in own]
            columns = sum(widths)
            if op.macs:
                out = self.network.tensors[op.outputs[0]].shape
                macs += op.macs * node.count * columns // (out[1] * out[2])
            call = piece.last_call if last else piece.call
            call += piece.dynamic if max(widths) != min(widths) else 0.0
            cycles += node.count * (call * self.bands + piece.column * columns)
        if not reduces:
            kernel = max(kernel, op.scratch_bytes)
        mine: dict[str, list[RowWindow]] = {}
        for name, window in zip(op.inputs, windows, strict=True):
            mine.setdefault(name, []).append(window)
        for name, used in mine.items():
            tensor = self.network.tensors[name]
            padded = tuple(w for w in used if not w.reads_in_place(node.rows, tensor.shape[1]))
            before = reads.get(name)
            wanted, held = (None, None) if before is None else (before.wanted, before.held)
            for window in used:
                need = _needs(op, name, own, window)
                wanted = joined(wanted, need)
                if window in padded:
                    held = joined(held, need)
            assert wanted is not None
            use = _Use(node, tuple(used), padded)
            # Pieces come last first, and the first reader drives.
            reads[name] = _Reads((use, *before.uses) if before else (use,), wanted, held)
        return Grown(self, (*grown.pieces, piece), reads, grown.kept, grown.scratch, kernel, macs, cycles)

    def _run_of(self, piece: Piece, op: CompositeDesc, own: Bands) -> tuple[int, float]:
        """Return the multiply-accumulates and the cycles of one run of a composite, in all bands."""
        if own not in piece.runs:
            pieces = [composite_pieces(self.network, op, *band) for band in own]
            piece.runs[own] = (
                sum(op.laid_out.macs(*band) for band in own),
                sum(cycles_of_pieces(p, self._costs) for p in pieces),
            )
        return piece.runs[own]

    def _waiting(
        self, reads: _Reads, padded_only: bool, kept: bool = False, rows: int = 0, at_once: int = 1
    ) -> int | None:
        uses = []
        for read in reads.uses:
            windows = read.padded if padded_only else read.windows
            if windows:
                uses.append(PacedRead(read.node, windows, read.padded if kept else windows))
        if len(uses) == 1 and at_once == 1 and len(uses[0].windows) == 1 and uses[0].buffered:
            window = uses[0].windows[0]
            if not window.inside and window.stride:
                return window.reach
        return rows_waiting(uses, rows, at_once)

    def _can_buffer(self, name: str, windows: Sequence[RowWindow]) -> bool:
        if not windows:
            return True
        values = {w.pad_value for w in windows if w.pads}
        return len(values) <= 1 and self.network.tensors[name].dtype in BUFFERED_DTYPES

    def _columns(self, name: str, reads: _Reads, stored: bool) -> Bands:
        columns = reads.held if stored else reads.wanted
        assert columns is not None
        if name in self.fetched:
            width = self.network.tensors[name].shape[2]
            low = min(0, *(low for low, _ in columns))
            return ((low, max(width, *(high for _, high in columns))),) * self.bands
        return columns

    def _buffer_bytes(self, name: str, rows: int, reads: _Reads, stored: bool) -> int:
        tensor = self.network.tensors[name]
        width, columns = tensor.shape[2], self._columns(name, reads, stored)
        widest = max(high - low for low, high in columns)
        shared = 0
        if len(set(columns)) == 1:
            low, high = columns[0]
            shared = max(0, min(-low, high - width))
        return aligned((rows * (widest - shared) + shared) * (tensor.row_bytes // width))

    def _padding_cost(self, name: str, reads: _Reads, stored: bool, made: bool) -> float:
        """Return the cycles of filling the rows above and below a tensor in its row buffer."""
        tensor = self.network.tensors[name]
        used = [w for use in reads.uses for w in (use.padded if stored else use.windows) if not w.inside]
        top = max((w.pad_before for w in used if w.pad_before > 0), default=0)
        driver = reads.uses[0]
        windows = driver.padded if stored and not made else driver.windows
        outside = top
        if windows and not all(w.inside for w in windows):
            begin = (driver.node.count - 1) // driver.node.at_once * driver.node.at_once
            last = max(begin * w.stride - w.pad_before + w.reach if w.stride else 1 for w in windows)
            outside += max(0, last - tensor.shape[1])
        if not outside:
            return 0.0
        widest = max(high - low for low, high in self._columns(name, reads, stored))
        row, byte = self._rates[False]
        return outside * self.bands * (row + byte * widest * (tensor.row_bytes // tensor.shape[2]))

    def open_bytes(self, grown: Grown) -> int:
        """See :attr:`Grown.open_bytes`."""
        total = 0
        for name, reads in grown.reads.items():
            windows = [w for use in reads.uses for w in use.windows]
            if (
                name in self.needed
                or any(w.stride == 0 for w in windows)
                or not self._can_buffer(name, windows)
            ):
                continue
            rows = max(w.reach for w in windows)
            total += self._buffer_bytes(name, rows, reads, stored=False)
        return total

    def costs(self, grown: Grown) -> Costs | None:
        """See :attr:`Grown.costs`."""
        scratch, cycles = grown.scratch + aligned(grown.kernel_scratch), grown.cycles
        sources = []
        for name, reads in grown.reads.items():
            fetched = name in self.fetched
            if not fetched:
                sources.append(name)
            windows = [w for use in reads.uses for w in (use.windows if fetched else use.padded)]
            if not windows:
                continue
            tensor = self.network.tensors[name]
            waiting = self._waiting(reads, padded_only=not fetched, rows=tensor.shape[1])
            if waiting is None or not self._can_buffer(name, windows):
                return None
            scratch += self._buffer_bytes(name, waiting, reads, not fetched)
            width = tensor.shape[2]
            copied = width * self.bands
            if not fetched:
                assert reads.held is not None
                inside = [high - low for low, high in clipped(reads.held, width)]
                if min(inside) <= 0:
                    return None
                copied = sum(inside)
            row, byte = self._rates[fetched]
            cycles += tensor.shape[1] * (row * self.bands + byte * (tensor.row_bytes // width) * copied)
            cycles += self._padding_cost(name, reads, not fetched, made=False)
        sink = grown.pieces[0].desc
        return Costs(
            scratch,
            grown.macs,
            round(cycles),
            tuple(sources),
            (*sorted(grown.kept), sink.outputs[0]),
        )

    def distance(self, grown: Grown, source: str) -> int | None:
        """Return what :func:`tvm_patch.planner.layout.overlap.overlap_distance` does."""
        stored = self.network.tensors[source]
        if self.bands > 1 or grown.kept or self.reduces or len(stored.shape) != 4 or stored.shape[0] != 1:
            return None
        sink = grown.pieces[0].desc
        output = self.network.tensors[sink.outputs[0]]
        reads = grown.reads[source]
        outside = [w.pad_before for use in reads.uses for w in use.padded if not w.inside]
        top = max([0, *outside])
        driver = next((u for u in reads.uses if u.padded), None)
        steps = np.minimum(
            np.arange(1, -(-self.sink_rows // sink.rows_at_once) + 1) * sink.rows_at_once, self.sink_rows
        )
        written = steps * output.row_bytes
        distances = []
        for use in reads.uses:
            at_sink = use.node.parent is None
            made = _asked(use.node, steps)
            for window in use.windows:
                if window.stride == 0:
                    return None
                same = at_sink and sink.elementwise and stored.row_bytes == output.row_bytes
                if same and window not in use.padded:
                    distances.append(0)
                    continue
                if window in use.padded:
                    assert driver is not None
                    before = _asked(driver.node, steps)
                    begin = before - 1 - (before - 1) % driver.node.at_once
                    needed = np.where(before > 0, last_row(driver.padded, begin), -top)
                else:
                    if at_sink:
                        made = np.concatenate([[0], steps[:-1]])
                    needed = first_row((window,), made)
                free = written - np.maximum(0, needed) * stored.row_bytes
                least = -stored.rows * stored.row_bytes
                distances.append(int(free[needed < stored.rows].max(initial=least)))
        return max(distances)


def _asked(node: Node, steps: np.ndarray) -> np.ndarray:
    """Return how many rows of a node are made when the sink has been asked for each of `steps`."""
    if node.parent is None:
        return steps
    found: np.ndarray = node.demanded(_asked(node.parent, steps))
    return found


def _needs(op: OperatorDesc, tensor: str, own: Bands, window: RowWindow) -> Bands:
    if isinstance(op, CompositeDesc) and window.stride:
        read = [op.laid_out.columns(*band)[tensor] for band in own]
        return tuple((columns.first, columns.last) for columns in read)
    stride, before, reach = window.column_stride, window.columns_before, window.column_reach
    return tuple((low * stride - before, (high - 1) * stride - before + reach) for low, high in own)
