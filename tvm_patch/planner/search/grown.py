"""Segments that end at one operator, grown backwards piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tvm_patch.errors import PlanError
from tvm_patch.planner.composite import Composite
from tvm_patch.planner.estimate.cycles import cycles_of_pieces, row_cost, segment_pieces
from tvm_patch.planner.layout.row_buffer import aligned
from tvm_patch.planner.layout.rows_builder import layout_rows
from tvm_patch.planner.search.pace import Node, Rows, first_row, last_row
from tvm_patch.planner.search.pieces import Piece
from tvm_patch.planner.search.segment_reads import OpenReads, Step
from tvm_patch.planner.search.steps import Steps


class Costs(NamedTuple):
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


class Grown:
    """A segment.

    Parameters
    ----------
    growing : Growing
    after : Grown or None
        The segment without its first piece.
    piece : Piece
        The first.
    step : Step
        What that takes.

    Attributes
    ----------
    scratch, kernel_scratch, macs : int
        Bytes of row buffers and accumulators, of kernels; multiply-accumulates.
    cycles : float
    composed : bool
        Whether one of its pieces is a composite.
    """

    __slots__ = (
        "_asked",
        "after",
        "composed",
        "cycles",
        "growing",
        "kept",
        "kernel_scratch",
        "late",
        "macs",
        "node",
        "open",
        "piece",
        "scratch",
    )

    def __init__(self, growing: Growing, after: Grown | None, piece: Piece, step: Step) -> None:
        self.growing, self.after, self.piece = growing, after, piece
        self.open: OpenReads = step.open
        self.node: Node = step.node
        self._asked: Rows = None
        self.kept: tuple[str, ...] = ()
        self.composed: bool = piece.composite is not None or (after is not None and after.composed)
        if after is None:
            self.scratch, self.kernel_scratch, self.late = step.scratch, step.kernel, step.late
            self.macs, self.cycles = step.macs, step.cycles
        else:
            self.scratch = after.scratch + step.scratch
            self.kernel_scratch = max(after.kernel_scratch, step.kernel)
            self.macs = after.macs + step.macs
            self.cycles = after.cycles + step.cycles
            self.late = after.late or step.late
            self.kept = after.kept

    def before(self, piece: Piece) -> Grown | None:
        """Return the segment with a piece put before all others, None where it cannot be."""
        growing = self.growing
        name = piece.desc.outputs[0]
        kept = name in growing.needed
        step = growing.steps.before(self.open, piece, kept)
        if step is None:
            return None
        grown = Grown(growing, self, piece, step)
        if kept:
            grown.kept = (*self.kept, name)
        return grown

    @property
    def bands(self) -> int:
        """In which it runs."""
        return self.growing.steps.bands

    @property
    def pieces(self) -> list[Piece]:
        """In run order."""
        return [grown.piece for grown in self._chain()]

    @property
    def operators(self) -> tuple[int, ...]:
        """In run order."""
        return tuple(i for piece in self.pieces for i in piece.operators)

    @property
    def composites(self) -> tuple[Composite, ...]:
        """In run order."""
        return tuple(p.composite for p in self.pieces if p.composite is not None)

    @property
    def least_scratch(self) -> int:
        """Bytes of scratch that it has once all that it reads is made by it, at least."""
        growing = self.growing
        return self.scratch + aligned(self.kernel_scratch) + growing.steps.buffers(self.open, growing.needed)

    def reads(self, tensor: str) -> bool:
        """Tell whether it reads a tensor that nothing in it makes."""
        return tensor in self.open.reads

    def costs(self) -> Costs | None:
        """Return what it costs as it is; None where it cannot run."""
        growing = self.growing
        if self.late:
            return self._laid_out()
        sources = growing.steps.sources(self.open)
        if sources is None:
            return None
        cycles = self.cycles + sources.cycles
        alone = self.after is None and self.bands == 1
        if alone and growing.steps.timed and not growing.reduces and self.piece.composite is None:
            cycles += growing.alone(self.piece)
        return Costs(
            self.scratch + aligned(self.kernel_scratch) + sources.scratch,
            self.macs,
            round(cycles),
            sources.stored,
            (*sorted(self.kept), growing.output),
        )

    def distance(self, source: str) -> int | None:
        """Return the least (offset of a source - offset of the output) in bytes at which it may be overwritten.

        None where it may not; see :func:`tvm_patch.planner.layout.overlap.overlap_distance`.
        """
        growing, tensors = self.growing, self.growing.steps.network.tensors
        stored, output = tensors[source], tensors[growing.output]
        if (
            self.bands > 1
            or self.kept
            or growing.reduces
            or self.late
            or len(stored.shape) != 4
            or stored.shape[0] != 1
        ):
            return None
        chain = {grown.node.order: grown for grown in self._chain()}
        sink = max(chain)
        reads = self.open.reads[source]
        top = max([0, *(w.pad_before for use in reads.uses for w in use.padded if not w.inside)])
        driver = next((u for u in reads.uses if u.padded), None)
        steps = chain[sink].asked()
        written = steps * output.row_bytes
        distances = []
        for use in reads.uses:
            at_sink = use.node.order == sink
            same = at_sink and chain[sink].piece.desc.elementwise and stored.row_bytes == output.row_bytes
            for window in use.windows:
                if window.stride == 0:
                    return None
                if same and window not in use.padded:
                    distances.append(0)
                    continue
                if window in use.padded:
                    assert driver is not None
                    before = chain[driver.node.order].asked()
                    begin = before - 1 - (before - 1) % driver.node.at_once
                    needed = np.where(before > 0, last_row(driver.padded, begin), -top)
                else:
                    runs = np.concatenate([[0], steps[:-1]]) if at_sink else chain[use.node.order].asked()
                    needed = first_row((window,), runs)
                free = written - np.maximum(0, needed) * stored.row_bytes
                least = -stored.rows * stored.row_bytes
                distances.append(int(free[needed < stored.rows].max(initial=least)))
        return max(distances)

    def asked(self) -> Rows:
        """Return how many rows the first piece has made each time that the sink has run."""
        if self._asked is None:
            node, driver = self.node, self.after
            if driver is None:
                at_once = node.at_once
                runs = -(-node.rows // at_once)
                self._asked = np.minimum(np.arange(1, runs + 1) * at_once, node.rows)
            else:
                assert node.parent is not None
                while driver.node.order != node.parent.order:
                    assert driver.after is not None
                    driver = driver.after
                self._asked = node.demanded(driver.asked())
        return self._asked

    def _chain(self) -> Iterator[Grown]:
        grown: Grown | None = self
        while grown is not None:
            yield grown
            grown = grown.after

    def _laid_out(self) -> Costs | None:
        """Return the costs where closed forms do not hold."""
        growing = self.growing
        network = growing.steps.network
        try:
            layout = layout_rows(
                network, self.operators, self.bands, growing.needed, growing.steps.fetched, self.composites
            )
        except PlanError:
            return None
        cycles = cycles_of_pieces(segment_pieces(network, layout), network.target.costs)
        return Costs(
            layout.scratch_bytes, layout.macs_executed(network), round(cycles), layout.sources, layout.stored
        )


class Growing:
    """Segments that end at one operator.

    Parameters
    ----------
    steps : Steps
        Of the network and the number of bands.
    needed : collection of str
        Tensors that something after the segment needs.
    sink : int
        The operator.
    reduces : bool
        Whether it reduces the rows that it reads.
    """

    def __init__(self, steps: Steps, needed: Collection[str], sink: int, reduces: bool = False) -> None:
        self.steps, self.needed, self.reduces = steps, needed, reduces
        self.output = steps.network.operators[sink].outputs[0]

    def start(self, piece: Piece) -> Grown | None:
        """Return the segment of the last piece alone, None where it cannot be cut into the bands."""
        try:
            step = self.steps.last(piece, self.reduces)
        except PlanError:  # a band of a composite reads nothing but padding
            return None
        return None if step is None else Grown(self, None, piece, step)

    def alone(self, piece: Piece) -> float:
        """Return the cycles more (or less) that an operator takes where it is all of its segment, in one band."""
        network = self.steps.network
        out = network.tensors[self.output].shape

        def whole(alone: bool) -> float:
            cost = row_cost(network, piece.desc, alone=alone)
            return cost.once + out[1] * cost.row(out[2])

        return whole(True) - whole(False)

    def backwards(
        self,
        last: Sequence[Piece],
        ending: Callable[[int], Sequence[Piece]],
        worth: Callable[[Grown], bool],
        few: Callable[[list[Grown]], list[Grown]] = list,
    ) -> Iterator[tuple[int, list[Grown]]]:
        """Yield segments by the operator that they begin with, the shortest first.

        Parameters
        ----------
        last : sequence of Piece
            Those that may be the last piece.
        ending : callable
            Returns the pieces whose last operator is that of an index.
        worth : callable
            Tells whether a segment is worth growing further.
        few : callable
            Returns those that are worth growing further, of some that begin with the same operator.
        """
        begun: dict[int, list[Grown]] = {}
        for piece in last:
            begins = self.start(piece)
            if begins is not None:
                begun.setdefault(piece.begin, []).append(begins)
        start = max(begun, default=-1)
        while begun:
            mine = begun.pop(start, [])
            if mine:
                yield start, mine
                mine = few([grown for grown in mine if worth(grown)])
                for piece in ending(start - 1) if start and mine else ():
                    for grown in mine:
                        more = grown.before(piece)
                        if more is not None:
                            begun.setdefault(piece.begin, []).append(more)
            start -= 1


def few_of(most: int) -> Callable[[list[Grown]], list[Grown]]:
    """Return what chooses, of segments that begin with one operator, the best few.

    Those stay that no other beats in both memory and work, in both memory and cycles, or in both memory without that
    of kernels and work; of each kind at most `most`, evenly chosen.
    """

    def few(grown: list[Grown]) -> list[Grown]:
        if len(grown) < 2:
            return grown
        sizes = [g.least_scratch for g in grown]
        macs = [g.macs for g in grown]
        work = _front(sizes, macs, most)
        time = _front(sizes, [g.cycles for g in grown], most)
        # Working memory is shared: a later piece may need more of it anyway.
        rows = _front([size - g.kernel_scratch for size, g in zip(sizes, grown, strict=True)], macs, most)
        return [grown[i] for i in dict.fromkeys((*work, *time, *rows))]

    return few


def _front(sizes: Sequence[int], costs: Sequence[float], most: int) -> list[int]:
    """Return which of some choices no other beats in both size and cost, evenly chosen where they are many."""
    kept: list[int] = []
    least = float("inf")
    for _, cost, i in sorted(zip(sizes, costs, range(len(sizes)), strict=True)):
        if cost < least * _NOTICED:
            kept.append(i)
            least = cost
    if len(kept) > most:
        kept = [kept[round(k * (len(kept) - 1) / (most - 1))] for k in range(most)]
    return list(dict.fromkeys(kept))


_NOTICED = 0.999
"""A segment that needs more memory than another one stays where it takes less than this part of the other's cost."""
