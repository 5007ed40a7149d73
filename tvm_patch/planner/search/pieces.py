"""What segments are made of in a search: operators and composites with what they cost, and columns by band."""

from __future__ import annotations

from dataclasses import dataclass, field

from tvm_patch.planner.composite import Composite
from tvm_patch.planner.estimate.cycles import cycles_of_pieces, demanded_pieces, row_cost
from tvm_patch.planner.layout.composite import CompositeDesc
from tvm_patch.planner.network import Network, OperatorDesc

Bands = tuple[tuple[int, int], ...]
"""By band, a first column and one past the last one."""


@dataclass(frozen=True)
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
    runs: dict[Bands, tuple[int, float]] = field(default_factory=dict, compare=False, repr=False)
    """Of a composite: multiply-accumulates and cycles of one run, by its columns."""

    @property
    def begin(self) -> int:
        """The first of its operators."""
        return self.operators[0]


def piece_of(network: Network, op: OperatorDesc, reduces: bool = False) -> Piece:
    """Return an operator as a piece."""
    cost = row_cost(network, op, reduces)
    demanded = cycles_of_pieces(demanded_pieces(op), network.target.costs)
    call = cost.call + demanded
    return Piece(op, (op.index,), None, cost.once, call, cost.column, cost.call, cost.dynamic)


def composite_piece(composite: Composite, desc: CompositeDesc) -> Piece:
    """Return a composite as a piece."""
    return Piece(desc, composite.operators, composite, 0.0, 0.0, 0.0, 0.0)


def joined(a: Bands | None, b: Bands) -> Bands:
    """Return the least columns that hold both, by band."""
    return b if a is None else tuple((min(x[0], y[0]), max(x[1], y[1])) for x, y in zip(a, b, strict=True))


def clipped(bands: Bands, width: int) -> Bands:
    """Return the part inside a tensor of `width` columns."""
    return tuple((max(0, low), min(width, high)) for low, high in bands)
