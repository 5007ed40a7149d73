"""Segments of every length that end at one operator, each with its cost for 1 to 8 bands, in one sweep.

The search needs the cost of every run of operators.  Laying each out from scratch repeats the same work: what a segment
does near its sink does not depend on where it begins.  So segments are grown backwards, one operator at a time, and
the columns of all numbers of bands are computed together.  The numbers are those of
:func:`tvm_patch.planner.layout.rows_builder.layout_rows`, which a test holds against every segment of whole networks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from tvm_patch.errors import PlanError
from tvm_patch.planner.estimate.cycles import (
    BAND,
    buffer_rates,
    cycles_of_pieces,
    demanded_pieces,
    row_cost,
    segment_pieces,
)
from tvm_patch.planner.layout.row_buffer import BUFFERED_DTYPES, aligned
from tvm_patch.planner.layout.rows_builder import layout_rows
from tvm_patch.planner.network import Network, OperatorDesc
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.planner.search.band_columns import BAND_COUNTS, MOST_BANDS, Array, Columns
from tvm_patch.planner.search.pace import Node, PacedRead, first_row, last_row, rows_waiting

_NEVER = 1 << 60


@dataclass(frozen=True)
class SegmentCosts:
    """What a segment costs, by number of bands (index 0 is one band).

    Attributes
    ----------
    operators : tuple of int
        In run order.
    legal : array of bool
        Whether it can run in so many bands.
    scratch : array of int
        Bytes of row buffers, accumulators and kernel scratch.
    macs : array of int
        Multiply-accumulates that it runs.
    cycles : array of int
        Estimated; see :mod:`tvm_patch.planner.estimate.cycles`.
    sources : tuple of str
        Tensors read from the arena.
    stored : tuple of str
        Tensors written to the arena, the sink's last.
    distances : mapping of str to int
        With one band: by source that may be overwritten, the least (input offset - output offset) in bytes.
    """

    operators: tuple[int, ...]
    legal: Array
    scratch: Array
    macs: Array
    cycles: Array
    sources: tuple[str, ...]
    stored: tuple[str, ...]
    distances: Mapping[str, int]


@dataclass(frozen=True)
class _Read:
    """One operator's use of a tensor."""

    operator: int
    windows: tuple[RowWindow, ...]
    padded: tuple[RowWindow, ...]
    """Those windows that cannot read a stored tensor in place."""


@dataclass
class _Reads:
    """All uses of a tensor by the operators that the segment has so far."""

    uses: list[_Read] = field(default_factory=list)
    wanted: Columns | None = None
    """Columns that all windows need."""
    held: Columns | None = None
    """Columns that the padded windows need."""

    def windows(self, padded_only: bool) -> list[RowWindow]:
        return [w for use in self.uses for w in (use.padded if padded_only else use.windows)]


class Growth:
    """A segment that grows backwards.

    Parameters
    ----------
    network : Network
        With ``rows`` described for row-wise operators.
    sink : int
        The last operator.
    needed : collection of str
        Tensors that something after the segment needs.
    fetched : collection of str
        Network inputs whose rows are fetched.
    reduces : bool
        Whether the sink reads rows into accumulators.
    """

    def __init__(
        self, network: Network, sink: int, needed: Collection[str], fetched: Collection[str], reduces: bool
    ) -> None:
        self.network, self.needed, self.fetched, self.reduces = network, needed, fetched, reduces
        self.operators: list[int] = []
        self._dead = self._rows_after_sink = False
        self._nodes: dict[int, Node] = {}
        self._asked: dict[int, Array] = {}
        self._reads: dict[str, _Reads] = {}
        self._made: set[str] = set()
        self._kept: list[str] = []
        self._scratch = np.zeros(MOST_BANDS, np.int64)
        self._macs = np.zeros(MOST_BANDS, np.int64)
        self._cycles = network.target.costs.get(BAND, 0.0) * BAND_COUNTS
        self._kernel_scratch = 0
        self._start(network.operators[sink])

    def _start(self, op: OperatorDesc) -> None:
        tensor = self.network.tensors[op.inputs[0] if self.reduces else op.outputs[0]]
        rows, width = tensor.shape[1], tensor.shape[2]
        steps = -(-width // BAND_COUNTS)
        self._legal = -(-width // steps) == BAND_COUNTS
        # What does not fit is computed too, on columns moved inside the tensor, and never used.
        starts = np.concatenate([np.arange(n) * step for n, step in zip(BAND_COUNTS, steps, strict=True)])
        first = np.minimum(starts, width - 1)
        end = np.minimum(starts + np.repeat(steps, BAND_COUNTS), width)
        self._sink_rows = rows
        if self.reduces:
            self._scratch += aligned(op.state_bytes)
        node = Node(None, op.index, (), rows, rows, 0)
        self._include(op, node, np.arange(1, rows + 1), Columns(first, end))

    def reads(self, tensor: str) -> bool:
        """Tell whether the segment as it is now reads a tensor."""
        return tensor in self._reads

    def prepend(self, index: int) -> bool:
        """Put an operator before all others; False when no segment begins there or further up."""
        op = self.network.operators[index]
        name, tensor = op.outputs[0], self.network.tensors[op.outputs[0]]
        reads = self._reads.get(name)
        if self._dead or reads is None or not op.rows:
            self._dead = True
            return False
        kept = name in self.needed
        waiting = self._waiting(reads, padded_only=False, kept=kept)
        buffered = reads.windows(padded_only=kept)
        if waiting is None or not self._can_buffer(name, buffered):
            self._dead = True
            return False
        if not kept and any(w.stride == 0 for w in buffered):
            self._dead = True
            return False
        driver = min(reads.uses, key=lambda u: u.operator)
        parent = self._nodes[driver.operator]
        node = Node(parent, index, driver.windows, tensor.shape[1], 0, parent.depth + 1)
        demanded = int(node.demanded(parent.count))
        node.count = tensor.shape[1] if kept else demanded
        own = reads.wanted
        assert own is not None
        if kept:
            # Rows that are made after the sink has finished are beyond the closed forms.
            self._rows_after_sink |= demanded < tensor.shape[1]
            self._kept.append(name)
            self._legal = self._legal & (BAND_COUNTS == 1)
            own = own.whole_tensor(tensor.shape[2])
        else:
            self._legal = self._legal & own.inside(tensor.shape[2])
            own = own.clipped(tensor.shape[2])
        if buffered:
            self._scratch = self._scratch + self._buffer_bytes(name, waiting, reads, kept)
            self._cycles = self._cycles + self._padding_cost(name, reads, kept)
        self._include(op, node, node.demanded(self._asked[driver.operator]), own)
        return True

    def _include(self, op: OperatorDesc, node: Node, asked: Array, own: Columns) -> None:
        """Add an operator that makes (or reduces) the columns `own`."""
        last = not self.operators
        self.operators.append(op.index)
        self._nodes[op.index], self._asked[op.index] = node, asked
        self._made.add(op.outputs[0])
        reduces = last and self.reduces
        windows = (RowWindow(),) if reduces else op.rows
        if not op.bandable:
            self._legal = self._legal & (BAND_COUNTS == 1)
        columns = own.total()
        if op.macs:
            out = self.network.tensors[op.outputs[0]]
            self._macs = self._macs + op.macs * node.count * columns // (out.shape[1] * out.shape[2])
        cost = row_cost(self.network, op, reduces)
        call = (
            cost.call
            if last
            else cost.call + cycles_of_pieces(demanded_pieces(op), self.network.target.costs)
        )
        self._cycles = self._cycles + (cost.once + node.count * own.row_cycles(cost, call))
        if not reduces:
            self._kernel_scratch = max(self._kernel_scratch, op.scratch_bytes)
        by_tensor: dict[str, list[RowWindow]] = {}
        for name, window in zip(op.inputs, windows, strict=True):
            by_tensor.setdefault(name, []).append(window)
        for name, mine in by_tensor.items():
            reads = self._reads.setdefault(name, _Reads())
            height = self.network.tensors[name].shape[1]
            padded = tuple(w for w in mine if not w.reads_in_place(node.rows, height))
            reads.uses.append(_Read(op.index, tuple(mine), padded))
            for window in mine:
                need = own.needs(window)
                reads.wanted = need.joined(reads.wanted)
                if window in padded:
                    reads.held = need.joined(reads.held)

    def _waiting(self, reads: _Reads, padded_only: bool, kept: bool = False) -> int | None:
        """Return the rows that the row buffer of a tensor must hold."""
        uses = []
        for read in sorted(reads.uses, key=lambda u: u.operator):
            windows = read.padded if padded_only else read.windows
            if windows:
                uses.append(PacedRead(self._nodes[read.operator], windows, read.padded if kept else windows))
        return rows_waiting(uses)

    def _can_buffer(self, name: str, windows: list[RowWindow]) -> bool:
        if not windows:
            return True
        values = {w.pad_value for w in windows if w.pads}
        return len(values) <= 1 and self.network.tensors[name].dtype in BUFFERED_DTYPES

    def _padding_cost(self, name: str, reads: _Reads, stored: bool) -> Array:
        """Return the cycles of filling the rows above and below a tensor in its row buffer."""
        tensor = self.network.tensors[name]
        top = max((w.pad_before for w in reads.windows(padded_only=stored) if w.pad_before > 0), default=0)
        driver = min(reads.uses, key=lambda u: u.operator)
        windows = driver.padded if stored and name not in self._made else driver.windows
        last = int(last_row(windows, self._nodes[driver.operator].count - 1)) if windows else 0
        outside = top + max(0, last - tensor.shape[1])
        if not outside:
            return 0
        columns = reads.held if stored else reads.wanted
        assert columns is not None
        if name in self.fetched:
            columns = columns.widened(tensor.shape[2])
        line = columns.widest() * (tensor.row_bytes // tensor.shape[2])
        row, byte = buffer_rates(self.network.target.costs, False)
        return outside * BAND_COUNTS * (row + byte * line)

    def _buffer_bytes(self, name: str, rows: int, reads: _Reads, stored: bool) -> Array:
        tensor = self.network.tensors[name]
        columns = reads.held if stored else reads.wanted
        assert columns is not None
        if name in self.fetched:
            columns = columns.widened(tensor.shape[2])
        shared = columns.shared_padding(tensor.shape[2])
        size = (rows * (columns.widest() - shared) + shared) * (tensor.row_bytes // tensor.shape[2])
        return -(-size // 4) * 4

    @property
    def least_scratch(self) -> int:
        """Bytes of scratch below which neither this segment nor one grown from it can come."""
        return int(self._scratch[self._legal].min(initial=_NEVER))

    def costs(self) -> SegmentCosts | None:
        """Return what the segment costs as it is now; None when it cannot run."""
        if self._rows_after_sink:
            return self._laid_out()
        scratch = self._scratch + aligned(self._kernel_scratch)
        cycles, legal = self._cycles, self._legal
        sources = []
        for name, reads in self._reads.items():
            if name in self._made:
                continue
            fetched = name in self.fetched
            if not fetched:
                sources.append(name)
            windows = reads.windows(padded_only=not fetched)
            if not windows:
                continue
            waiting = self._waiting(reads, padded_only=not fetched)
            if waiting is None or not self._can_buffer(name, windows):
                return None
            scratch = scratch + self._buffer_bytes(name, waiting, reads, not fetched)
            tensor = self.network.tensors[name]
            copied = BAND_COUNTS * tensor.shape[2]
            if not fetched:
                assert reads.held is not None
                legal = legal & reads.held.inside(tensor.shape[2])
                copied = reads.held.clipped(tensor.shape[2]).total()
            row, byte = buffer_rates(self.network.target.costs, fetched)
            cycles = cycles + tensor.shape[1] * (
                row * BAND_COUNTS + byte * (tensor.row_bytes // tensor.shape[2]) * copied
            )
            cycles = cycles + self._padding_cost(name, reads, not fetched)
        sink = self.network.operators[self.operators[0]]
        if len(self.operators) == 1 and not self.reduces:
            cycles = cycles + np.where(BAND_COUNTS == 1, self._alone(sink), 0.0)
        return SegmentCosts(
            tuple(reversed(self.operators)),
            legal,
            scratch,
            self._macs,
            np.rint(cycles).astype(np.int64),
            tuple(sources),
            (*sorted(self._kept), sink.outputs[0]),
            {name: d for name in sources if (d := self._distance(name)) is not None},
        )

    def _alone(self, op: OperatorDesc) -> float:
        """Return the cycles more (or less) that the operator takes where it is all of its segment, in one band."""
        out = self.network.tensors[op.outputs[0]].shape

        def whole(alone: bool) -> float:
            cost = row_cost(self.network, op, alone=alone)
            return cost.once + out[1] * cost.row(out[2])

        return whole(True) - whole(False)

    def _laid_out(self) -> SegmentCosts | None:
        """Return the costs where closed forms do not hold; what is needed later allows one band anyway."""
        operators = tuple(reversed(self.operators))
        try:
            layout = layout_rows(self.network, operators, 1, self.needed, self.fetched)
        except PlanError:
            return None
        cycles = cycles_of_pieces(segment_pieces(self.network, layout), self.network.target.costs)
        return SegmentCosts(
            operators,
            self._legal,
            np.full(MOST_BANDS, layout.scratch_bytes),
            np.full(MOST_BANDS, layout.macs_executed(self.network)),
            np.full(MOST_BANDS, round(cycles)),
            layout.sources,
            layout.stored,
            {t: d for t, d in layout.input_distance.items() if d is not None},
        )

    def _distance(self, source: str) -> int | None:
        """Return what :func:`tvm_patch.planner.layout.overlap.overlap_distance` does, for one band."""
        stored = self.network.tensors[source]
        if self._kept or self.reduces or len(stored.shape) != 4 or stored.shape[0] != 1:
            return None
        sink = self.network.operators[self.operators[0]]
        output = self.network.tensors[sink.outputs[0]]
        written = np.arange(1, self._sink_rows + 1) * output.row_bytes
        reads = self._reads[source]
        driver = min((u for u in reads.uses if u.padded), key=lambda u: u.operator, default=None)
        distances = []
        for use in reads.uses:
            asked = self._asked[use.operator]
            runs = asked - 1 if use.operator == sink.index else asked
            for window in use.windows:
                if window.stride == 0:
                    return None
                same = (
                    use.operator == sink.index and sink.elementwise and stored.row_bytes == output.row_bytes
                )
                if same and window not in use.padded:
                    distances.append(0)
                    continue
                if window in use.padded:
                    assert driver is not None
                    before = self._asked[driver.operator]
                    top = max([0, *(w.pad_before for w in reads.windows(padded_only=True))])
                    needed = np.where(before > 0, last_row(driver.padded, before - 1), -top)
                else:
                    needed = first_row((window,), runs)
                free = written - np.maximum(0, needed) * stored.row_bytes
                least = -stored.rows * stored.row_bytes
                distances.append(int(free[needed < stored.rows].max(initial=least)))
        return max(distances)
