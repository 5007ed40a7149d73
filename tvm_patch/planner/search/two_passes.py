"""Squeeze-and-excite without storing the tensor: its makers run twice.

The scale of a squeeze-and-excite is known only when the whole tensor has been seen.  Instead of storing it, a first
segment makes it row by row and keeps no more than the sums; small operators turn them into the scale; a second segment
makes the tensor again and goes on with the product.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tvm_patch.planner.layout.rows_builder import reduces_rows
from tvm_patch.planner.network import Network
from tvm_patch.planner.search.grown import Growing, Grown
from tvm_patch.planner.search.moves import Move, undominated
from tvm_patch.planner.search.one_segment import MOST_BANDS, OneSegment

_LONGEST = 24
"""Operators of the second segment after the product; what matters ends with the block or the next."""


@dataclass(frozen=True)
class _Squeeze:
    """A reduction whose input is needed again.

    Attributes
    ----------
    reduction : int
        The operator that ends the first segment.
    maker : int
        What makes the tensor that is needed again.
    again : int
        The first operator after the reduction that reads it.
    """

    reduction: int
    maker: int
    again: int


class TwoPasses:
    """Moves that run the makers of a tensor twice.

    Parameters
    ----------
    single : OneSegment
        The moves of one segment, of which these are made.
    most_bytes : float
        Bytes in use that rows of one segment may take.
    most_extra : int
        Multiply-accumulates that may be done twice.
    bands : sequence of int
        Numbers of bands that are tried.
    """

    def __init__(
        self,
        single: OneSegment,
        most_bytes: float,
        most_extra: int,
        bands: Sequence[int] = range(1, MOST_BANDS + 1),
    ) -> None:
        self._single, self._bands = single, bands
        self._most_bytes, self._most_extra = most_bytes, most_extra
        self._network: Network = single.network
        self._squeezes = [s for op in self._network.operators if (s := self._squeeze(op.index))]
        self._first: dict[int, dict[int, list[Grown]]] = {}

    def _squeeze(self, index: int) -> _Squeeze | None:
        network = self._network
        op = network.operators[index]
        if not reduces_rows(op):
            return None
        name = op.inputs[0]
        # A mean over rows and columns may be two: the first has no other reader than the second.
        while (maker := network.producer(name)) and len(network.consumers(name)) == 1 and maker.rows:
            if len(maker.inputs) != 1 or maker.macs:
                return None
            name = maker.inputs[0]
        later = [r.index for r in network.consumers(name) if r.index > index]
        if maker is None or not later or name in network.outputs:
            return None
        return _Squeeze(index, maker.index, later[0])

    def _firsts(self, squeeze: _Squeeze) -> dict[int, list[Grown]]:
        """Return the first segment in every number of bands, by the operator that it begins with."""
        index = squeeze.reduction
        if index in self._first:
            return self._first[index]
        network, single = self._network, self._single
        first = self._first[index] = {}
        once = network.operators[index].macs
        for bands in self._bands:
            grown = Growing(single.steps(bands), (), index, True).start(single.candidates.reducing(index))
            for start in range(index - 1, -1, -1):
                read = [r.index for t in network.operators[start].outputs for r in network.consumers(t)]
                if grown is None or any(index < r < squeeze.again for r in read):
                    break
                grown = grown.before(single.candidates.single(start))
                if grown is None or grown.scratch > self._most_bytes or grown.macs - once > self._most_extra:
                    break
                if start <= squeeze.maker:
                    first.setdefault(start, []).append(grown)
        return first

    def moves_to(self, end: int) -> Iterator[Move]:
        """Yield the moves that end before cut `end`."""
        for squeeze in self._squeezes:
            if squeeze.again < end <= squeeze.again + _LONGEST and self._firsts(squeeze):
                yield from self._second(squeeze, end)

    def _second(self, squeeze: _Squeeze, end: int) -> Iterator[Move]:
        sink = self._network.operators[end - 1]
        if not sink.rows and not reduces_rows(sink):
            return
        found: dict[int, list[Grown]] = {}
        for bands in self._bands:
            for start, grown in self._again(squeeze, end, bands):
                found.setdefault(start, []).append(grown)
        for start, second in found.items():
            yield from self._joined(squeeze, self._firsts(squeeze)[start], second, start, end)

    def _again(self, squeeze: _Squeeze, end: int, bands: int) -> Iterator[tuple[int, Grown]]:
        """Yield the second segments in so many bands."""
        single, needed, first = self._single, self._single.cuts.needed[end], self._firsts(squeeze)
        most = self._most_bytes - single.cuts.alive[end]
        growing = single.growing(bands, end)
        grown = growing.start(single.candidates.last(end - 1))
        for index in range(end - 2, squeeze.again - 1, -1):
            grown = None if grown is None else grown.before(single.candidates.single(index))
        for start in range(squeeze.reduction - 1, min(first) - 1, -1):
            if grown is None:
                return
            name = self._network.operators[start].outputs[0]
            if grown.reads(name):
                grown = grown.before(single.candidates.single(start))
                if grown is None or grown.scratch > most:
                    return
            elif name in needed:
                return
            if start in first:
                yield start, grown

    def _joined(
        self, squeeze: _Squeeze, first: list[Grown], second: list[Grown], start: int, end: int
    ) -> list[Move]:
        single, cuts = self._single, self._single.cuts
        if single.prices.reads_once({*first[0].operators, *second[0].operators}):
            return []
        reduction, again = squeeze.reduction, squeeze.again
        alive = cuts.alive[start]
        scale = cuts.alive_since(reduction, again)
        before = single.moves(first, start, reduction + 1)
        after = single.moves(second, start, end, scale)
        small = [
            min(single.alone(i), key=lambda m: m.costs, default=None) for i in range(reduction + 1, again)
        ]
        between = [m for m in small if m is not None]
        if len(between) < len(small):
            return []
        peak = max(
            (m.peak - cuts.alive[m.start] + alive + cuts.alive_since(reduction, m.start) for m in between),
            default=0,
        )
        macs = sum(m.macs for m in between)
        cycles = sum(m.cycles for m in between)
        middle = tuple(s for m in between for s in m.segments)
        return undominated(
            [
                Move(
                    start,
                    end,
                    max(a.peak, peak, b.peak),
                    a.macs + macs + b.macs,
                    a.cycles + cycles + b.cycles,
                    (*a.segments, *middle, *b.segments),
                )
                for a in before
                for b in after
            ]
        )
