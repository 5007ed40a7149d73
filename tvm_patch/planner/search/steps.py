"""What it takes to put an operator before a segment.

Segments are grown backwards.  What the next operator adds to a segment depends only on what the segment still reads, at
what pace and in which columns, not on how it ends: most segments that begin at one operator read the same, so each
step is computed once.  Numbers are those of :func:`tvm_patch.planner.layout.rows_builder.layout_rows`, which a test
holds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tvm_patch.errors import PlanError
from tvm_patch.planner.estimate.cycles import BAND, buffer_rates
from tvm_patch.planner.layout.composite import CompositeDesc
from tvm_patch.planner.layout.row_buffer import BUFFERED_DTYPES, aligned
from tvm_patch.planner.network import Network
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.planner.search.pace import Node, PacedRead, common_node, rows_waiting
from tvm_patch.planner.search.pieces import Bands, Piece, clipped, columns_read_by, joined
from tvm_patch.planner.search.segment_reads import OpenReads, Reads, Sources, Step, Use


class Steps:
    """Steps from segments to longer ones, in so many bands.

    Parameters
    ----------
    network : Network
    fetched : collection of str
        Network inputs whose rows are fetched.
    bands : int
    timed : bool
        Whether cycles are of interest; if not they are 0.
    """

    def __init__(
        self, network: Network, fetched: Collection[str], bands: int = 1, timed: bool = True
    ) -> None:
        self.network, self.fetched, self.bands, self.timed = network, fetched, bands, timed
        self._tensors = network.tensors
        self._costs = network.target.costs
        self._rates = {f: buffer_rates(self._costs, f) for f in (False, True)}
        self._known: dict[Any, OpenReads] = {}

    def last(self, piece: Piece, reduces: bool = False) -> Step | None:
        """Return the step to the segment of one piece, None where it cannot be cut into the bands.

        Parameters
        ----------
        piece : Piece
        reduces : bool
            Whether it reduces the rows that it reads.
        """
        op = piece.desc
        tensor = self._tensors[op.inputs[0] if reduces else op.outputs[0]]
        rows, width = tensor.shape[1], tensor.shape[2]
        step = -(-width // self.bands)
        own = tuple((first, min(width, first + step)) for first in range(0, width, step))
        if len(own) != self.bands or (self.bands > 1 and not op.bandable):
            return None
        node = Node(None, self.network.turns[op.index], (), rows, rows, 0, op.rows_at_once, piece)
        scratch = aligned(op.state_bytes) if reduces else 0
        cycles = self._costs.get(BAND, 0.0) * self.bands + self._run_cycles(piece, piece.last_call, node, own)
        return self._step({}, piece, node, own, scratch, cycles, reduces)

    def before(self, open_: OpenReads, piece: Piece, kept: bool) -> Step | None:
        """Return the step from a segment to the one with a piece before all others, None where it cannot be.

        Parameters
        ----------
        open_ : OpenReads
            Of the segment.
        piece : Piece
        kept : bool
            Whether what it makes is needed after the segment.
        """
        key = piece, kept
        try:
            return open_.steps[key]
        except KeyError:
            found = open_.steps[key] = self._before(open_, piece, kept)
            return found

    def _before(self, open_: OpenReads, piece: Piece, kept: bool) -> Step | None:
        op = piece.desc
        name = op.outputs[0]
        reads = open_.reads.get(name)
        if reads is None or not op.rows or (self.bands > 1 and (kept or not op.bandable)):
            return None
        height, width = self._tensors[name].shape[1:3]
        buffered = [w for use in reads.uses for w in (use.padded if kept else use.windows)]
        if not self._can_buffer(name, buffered) or (not kept and any(w.stride == 0 for w in buffered)):
            return None
        waiting = self._waiting(reads, padded_only=False, kept=kept, rows=height, at_once=op.rows_at_once)
        if waiting is None:
            return None
        driver = reads.uses[0]
        parent = driver.node
        turn, depth = self.network.turns[op.index], parent.depth + 1
        node = Node(parent, turn, driver.windows, height, 0, depth, op.rows_at_once, piece)
        demanded = node.demanded_by(parent.count)
        node.count = height if kept else demanded
        own = clipped(reads.wanted, width)
        if any(high <= low for low, high in own):
            return None
        if kept:
            own = ((0, width),)
        elif not op.bandable:
            own = ((0, width),)
            reads = reads._replace(wanted=joined(reads.wanted, own))
        scratch = self._buffer_bytes(name, waiting, reads, kept) if buffered else 0
        left = {n: r for n, r in open_.reads.items() if n != name}
        try:
            cycles = self._run_cycles(piece, piece.call, node, own)
            if buffered:
                cycles += self._padding_cost(name, reads, kept, made=True)
            return self._step(left, piece, node, own, scratch, cycles, late=demanded < node.count)
        except PlanError:  # a band of a composite reads nothing but padding
            return None

    def _step(
        self,
        reads: dict[str, Reads],
        piece: Piece,
        node: Node,
        own: Bands,
        scratch: int,
        cycles: float,
        reduces: bool = False,
        late: bool = False,
    ) -> Step:
        """Return the step to a segment whose first piece makes (or reduces) the columns `own`."""
        op = piece.desc
        macs = 0
        if isinstance(op, CompositeDesc):
            runs = -(-node.count // op.rows_at_once)
            macs = sum(c.macs * runs + c.first_macs for c in map(piece.run, own))
            scratch += piece.stores(own)
        elif op.macs:
            swept = self._tensors[op.inputs[0] if reduces else op.outputs[0]].shape
            macs = op.macs * node.count * sum(high - low for low, high in own) // (swept[1] * swept[2])
        mine: dict[str, list[RowWindow]] = {}
        for name, window in zip(op.inputs, (RowWindow(),) if reduces else op.rows, strict=True):
            mine.setdefault(name, []).append(window)
        for name, used in mine.items():
            height = self._tensors[name].shape[1]
            padded = tuple(w for w in used if not w.reads_in_place(node.rows, height))
            before = reads.get(name)
            wanted, held = (None, None) if before is None else (before.wanted, before.held)
            for window in used:
                need = columns_read_by(op, name, own, window)
                wanted = joined(wanted, need)
                if window in padded:
                    held = joined(held, need)
            assert wanted is not None
            use = Use(node, tuple(used), padded)
            uses: tuple[Use, ...] = (use,)
            if before is not None:
                uses = tuple(sorted((use, *before.uses), key=lambda u: u.node.order))
            reads[name] = Reads(uses, wanted, held)
        kernel = 0 if reduces else op.scratch_bytes
        return Step(self._same(reads), node, scratch, kernel, macs, cycles, late)

    def _same(self, reads: Mapping[str, Reads]) -> OpenReads:
        """Return the one object for what is read."""
        nodes = [use.node for read in reads.values() for use in read.uses]
        top = nodes[0] if nodes else None
        for node in nodes[1:]:
            assert top is not None
            top = common_node(top, node)

        def path(node: Node) -> tuple[Any, ...]:
            found = [(node.piece, node.count)]
            while node is not top:
                assert node.parent is not None
                node = node.parent
                found.append((node.piece, node.count))
            return tuple(found)

        key = tuple(
            (name, r.wanted, r.held, tuple(path(u.node) for u in r.uses)) for name, r in sorted(reads.items())
        )
        return self._known.setdefault(key, OpenReads(reads))

    def _run_cycles(self, piece: Piece, call: float, node: Node, own: Bands) -> float:
        """Return the cycles of a piece."""
        if not self.timed:
            return 0.0
        op = piece.desc
        if isinstance(op, CompositeDesc):
            runs = -(-node.count // op.rows_at_once)
            return sum(c.cycles * runs + c.first_cycles for c in map(piece.run, own))
        widths = [high - low for low, high in own]
        call += piece.dynamic if max(widths) != min(widths) else 0.0
        return piece.once + node.count * (call * self.bands + piece.column * sum(widths))

    def _waiting(
        self, reads: Reads, padded_only: bool, kept: bool = False, rows: int = 0, at_once: int = 1
    ) -> int | None:
        """Return the rows that a row buffer must hold, None where one reader would find a row missing."""
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
        return len(values) <= 1 and self._tensors[name].dtype in BUFFERED_DTYPES

    def _columns(self, name: str, reads: Reads, stored: bool) -> Bands:
        columns = reads.held if stored else reads.wanted
        assert columns is not None
        if name in self.fetched:
            width = self._tensors[name].shape[2]
            low = min(0, *(low for low, _ in columns))
            return ((low, max(width, *(high for _, high in columns))),) * self.bands
        return columns

    def _buffer_bytes(self, name: str, rows: int, reads: Reads, stored: bool) -> int:
        tensor = self._tensors[name]
        width, columns = tensor.shape[2], self._columns(name, reads, stored)
        low, high = columns[0]
        widest, shared = high - low, 0
        if len(columns) > 1:
            widest = max(high - low for low, high in columns)
        if len(columns) == 1 or len(set(columns)) == 1:
            shared = max(0, min(-low, high - width))
        return aligned((rows * (widest - shared) + shared) * (tensor.row_bytes // width))

    def _padding_cost(self, name: str, reads: Reads, stored: bool, made: bool) -> float:
        """Return the cycles of filling the rows above and below a tensor in its row buffer."""
        if not self.timed:
            return 0.0
        tensor = self._tensors[name]
        used = [w for use in reads.uses for w in (use.padded if stored else use.windows) if not w.inside]
        outside = max((w.pad_before for w in used if w.pad_before > 0), default=0)
        driver = reads.uses[0]
        windows = driver.padded if stored and not made else driver.windows
        if windows and not all(w.inside for w in windows):
            begin = (driver.node.count - 1) // driver.node.at_once * driver.node.at_once
            last = max(w.end_row(begin) for w in windows)
            outside += max(0, last - tensor.shape[1])
        if not outside:
            return 0.0
        widest = max(high - low for low, high in self._columns(name, reads, stored))
        row, byte = self._rates[False]
        return outside * self.bands * (row + byte * widest * (tensor.row_bytes // tensor.shape[2]))

    def buffers(self, open_: OpenReads, needed: Collection[str]) -> int:
        """Return the bytes of row buffers that a segment has at least once all that it reads is made by it.

        Parameters
        ----------
        open_ : OpenReads
        needed : collection of str
            Tensors that are needed after the segment, of which row buffers may be empty.
        """
        if open_.buffers is None:
            found = []
            for name, reads in open_.reads.items():
                windows = [w for use in reads.uses for w in use.windows]
                if not any(w.stride == 0 for w in windows) and self._can_buffer(name, windows):
                    height = self._tensors[name].shape[1]
                    rows = max(min(w.reach, height) if w.inside else w.reach for w in windows)
                    found.append((name, self._buffer_bytes(name, rows, reads, stored=False)))
            open_.buffers = tuple(found)
        total = 0
        for name, size in open_.buffers:
            if name not in needed:
                total += size
        return total

    def sources(self, open_: OpenReads) -> Sources | None:
        """Return what it takes to begin a segment here, None where it cannot."""
        if isinstance(open_.sources, bool):
            open_.sources = self._sources(open_)
        return open_.sources

    def _sources(self, open_: OpenReads) -> Sources | None:
        scratch, cycles, stored = 0, 0.0, []
        for name, reads in open_.reads.items():
            fetched = name in self.fetched
            if not fetched:
                stored.append(name)
            windows = [w for use in reads.uses for w in (use.windows if fetched else use.padded)]
            if not windows:
                continue
            tensor = self._tensors[name]
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
        return Sources(scratch, cycles, tuple(stored))
