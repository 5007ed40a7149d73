"""What segments are made of in a search: operators and composites with what they cost, and columns by band."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from tvm_patch.planner.composite import Composite
from tvm_patch.planner.estimate.cycles import counted_pieces, cycles_of_pieces, demanded_pieces, row_cost
from tvm_patch.planner.layout.composite import CompositeDesc
from tvm_patch.planner.layout.row_buffer import aligned
from tvm_patch.planner.network import Network, OperatorDesc
from tvm_patch.planner.row_window import RowWindow

Band = tuple[int, int]
"""A first column and one past the last one."""

Bands = tuple[Band, ...]
"""By band."""


class BandCost(NamedTuple):
    """What a composite costs in a band.

    Attributes
    ----------
    macs : int
        Multiply-accumulates of one run.
    cycles : float
        Of one run.
    first_macs : int
        What the first run does more than the others.
    first_cycles : float
    """

    macs: int
    cycles: float
    first_macs: int
    first_cycles: float


@dataclass(frozen=True, eq=False)
class Piece:
    """What a segment is made of: an operator, or a composite; and what it costs.

    Attributes
    ----------
    desc : OperatorDesc
    operators : tuple of int
        That it runs.
    composite : Composite or None
    once, call, column, last_call, dynamic : float
        Cycles: in all, a run, a column of each run, a run where it is the last, a run where bands are of different
        widths.
    """

    desc: OperatorDesc
    operators: tuple[int, ...]
    composite: Composite | None
    once: float
    call: float
    column: float
    last_call: float
    dynamic: float = 0.0
    rates: tuple[tuple[str, float, float], ...] = ()
    """Of a composite: cycles of each thing that its layout counts, in one run, and in the first more."""
    extra: int = 0
    """Of a composite: multiply-accumulates that it does twice in one band."""
    runs: dict[Band, BandCost] = field(default_factory=dict, repr=False)
    """Of a composite: what it costs, by the columns that it makes."""

    @property
    def begin(self) -> int:
        """The first of its operators."""
        return self.operators[0]

    def run(self, band: Band) -> BandCost:
        """Return what a composite costs that makes some columns.

        Raises
        ------
        PlanError
            When they depend on nothing of a tensor but its padding.
        """
        found = self.runs.get(band)
        if found is None:
            assert isinstance(self.desc, CompositeDesc)
            layout = self.desc.laid_out
            counted = layout.counted(*band)
            found = self.runs[band] = BandCost(
                layout.macs(*band),
                sum(run * counted[what] for what, run, _ in self.rates),
                layout.first_macs(*band),
                sum(first * counted[what] for what, _, first in self.rates),
            )
        return found

    def stores(self, bands: Bands) -> int:
        """Return the bytes that a composite keeps from one run to the next."""
        if not isinstance(self.desc, CompositeDesc):
            return 0
        return sum(aligned(store.nbytes) for store in self.desc.laid_out.stores(bands))


def piece_of(network: Network, op: OperatorDesc, reduces: bool = False, timed: bool = True) -> Piece:
    """Return an operator as a piece.

    Parameters
    ----------
    network : Network
    op : OperatorDesc
    reduces : bool
        Whether it reduces the rows that it reads.
    timed : bool
        Whether its cycles are of interest; if not they are 0.
    """
    if not timed:
        return Piece(op, (op.index,), None, 0.0, 0.0, 0.0, 0.0)
    cost = row_cost(network, op, reduces)
    demanded = cycles_of_pieces(demanded_pieces(op), network.target.costs)
    call = cost.call + demanded
    return Piece(op, (op.index,), None, cost.once, call, cost.column, cost.call, cost.dynamic)


def composite_piece(network: Network, composite: Composite, desc: CompositeDesc, timed: bool = True) -> Piece:
    """Return a composite as a piece.

    Parameters
    ----------
    network : Network
    composite : Composite
    desc : CompositeDesc
    timed : bool
        Whether its cycles are of interest; if not they are 0.
    """
    costs = network.target.costs
    extra = desc.macs - sum(network.operators[i].macs for i in composite.operators)
    counted = counted_pieces(network, desc).items() if timed else ()
    rates = [(name, cycles_of_pieces(p.run, costs), cycles_of_pieces(p.first, costs)) for name, p in counted]
    return Piece(desc, composite.operators, composite, 0.0, 0.0, 0.0, 0.0, rates=tuple(rates), extra=extra)


def joined(a: Bands | None, b: Bands) -> Bands:
    """Return the least columns that hold both, by band."""
    return b if a is None else tuple((min(x[0], y[0]), max(x[1], y[1])) for x, y in zip(a, b, strict=True))


def clipped(bands: Bands, width: int) -> Bands:
    """Return the part inside a tensor of `width` columns."""
    return tuple((max(0, low), min(width, high)) for low, high in bands)


def columns_read_by(op: OperatorDesc, tensor: str, own: Bands, window: RowWindow) -> Bands:
    """Return the columns of an input, by band, that an operator or composite reads when it makes some of its output."""
    if isinstance(op, CompositeDesc) and window.stride:
        read = [op.laid_out.columns(*band)[tensor] for band in own]
        return tuple((columns.first, columns.last) for columns in read)
    stride, before, reach = window.column_stride, window.columns_before, window.column_reach
    return tuple((low * stride - before, (high - 1) * stride - before + reach) for low, high in own)
