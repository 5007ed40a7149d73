"""How many cycles a plan takes on its target, to rank plans by time.

The estimate is linear: how often each piece of code runs (:mod:`tvm_patch.planner.estimate.terms`) times how many
cycles it takes (:attr:`tvm_patch.targets.Target.costs`, fitted to counts of an emulated board).
``docs/planner-estimate.md`` says how good it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tvm_patch.planner.estimate.terms import Pieces, lone_terms, row_terms
from tvm_patch.planner.estimate.whole import whole_terms
from tvm_patch.planner.layout.composite import CompositeDesc, CompositeLayout
from tvm_patch.planner.layout.composite_tiles import TILE, VARYING, TiledLayout
from tvm_patch.planner.network import Network, OperatorDesc
from tvm_patch.targets import CostTable

if TYPE_CHECKING:
    from tvm_patch.planner.layout.rows import RowsLayout

BAND = "segment.band"
"""The piece of code a band: padding columns are filled, counters set."""

_DEMANDED_ROW, _DEMANDED_BYTE = "segment.row", "segment.byte"
_COPIED_PIXEL, _COPIED_BYTE = "stored.row", "stored.byte"


def demanded_pieces(op: OperatorDesc) -> Pieces:
    """Return the pieces a row that is made on demand of another operator.

    Where rows of several operators alternate, the caches have lost an operator's weights when its next row is made.
    """
    return {_DEMANDED_ROW: 1, _DEMANDED_BYTE: op.weight_bytes if op.macs else 0}


def cycles_of_pieces(pieces: Pieces, costs: CostTable) -> float:
    """Return the cycles of some pieces of code."""
    return sum(costs.get(name, 0.0) * count for name, count in pieces.items())


@dataclass(frozen=True)
class OperatorCost:
    """Cycles of an operator that runs row by row.

    Attributes
    ----------
    call : float
        Per row and band.
    column : float
        Per row and column that it makes (that it reads, for a reduction).
    once : float
        When it has run.
    dynamic : float
        Per row and band where bands are of different widths.
    """

    call: float
    column: float
    once: float
    dynamic: float

    def row(self, columns: int, dynamic: bool = False) -> float:
        """Return the cycles of one call.

        Parameters
        ----------
        columns : int
            Columns that it makes.
        dynamic : bool
            Whether their number is known at run time only, as where bands (or patches) are of different widths.
        """
        return self.call + self.column * columns + (self.dynamic if dynamic else 0)


def row_cost(
    network: Network, op: OperatorDesc, reduces: bool = False, *, alone: bool = False
) -> OperatorCost:
    """Return what an operator costs when it runs row by row.

    Parameters
    ----------
    network : Network
        For shapes.
    op : OperatorDesc
    reduces : bool
        Whether it reads rows into accumulators.
    alone : bool
        Whether it is all of its segment, in one band.
    """
    terms = lone_terms(network, op) if alone and not reduces else row_terms(network, op, reduces)
    costs = network.target.costs
    return OperatorCost(
        cycles_of_pieces(terms.call, costs),
        cycles_of_pieces(terms.column, costs),
        cycles_of_pieces(terms.once, costs),
        cycles_of_pieces(terms.dynamic, costs),
    )


def whole_cost(network: Network, op: OperatorDesc) -> float:
    """Return the cycles of an operator that runs on whole tensors."""
    return cycles_of_pieces(whole_terms(network, op), network.target.costs)


def buffer_rates(costs: CostTable, fetched: bool) -> tuple[float, float]:
    """Return the cycles per row that is copied, filled (or fetched) in a row buffer, and per byte of it."""
    name = "fetched" if fetched else "stored"
    return costs.get(f"{name}.row", 0.0), costs.get(f"{name}.byte", 0.0)


@dataclass(frozen=True)
class CountedPieces:
    """The pieces of one thing that a composite's layout counts, as a column of a tensor that it makes or gathers.

    Attributes
    ----------
    run : mapping of str to float
        In one run.
    first : mapping of str to float
        In the first run more than in the others.
    """

    run: Mapping[str, float]
    first: Mapping[str, float]


def counted_pieces(network: Network, op: CompositeDesc) -> dict[str, CountedPieces]:
    """Return the pieces of each thing that a composite's layout counts; see :meth:`CompositeLayout.counted`."""
    layout = op.laid_out
    return _tiles(network, layout) if isinstance(layout, TiledLayout) else _columns(network, layout)


def _columns(network: Network, layout: CompositeLayout) -> dict[str, CountedPieces]:
    """Return, by tensor that a composite makes or gathers, the pieces of one of its columns."""
    found = {}
    # What is read is gathered pixel by pixel, what is made is scattered.
    moved = {t: layout.pixels[t].size for t, b in layout.buffers.items() if b.source == "gathered"}
    moved[layout.output.name] = layout.rows
    for name, pixels in moved.items():
        copied = {_COPIED_PIXEL: float(pixels), _COPIED_BYTE: float(pixels * network.tensors[name].shape[3])}
        found[name] = CountedPieces(copied, {})
    for member in layout.operators:
        made = member.outputs[0]
        one, kept = _member_pieces(network, member, layout.made(made)), layout.kept.get(made)
        if kept is not None:  # its rows are loaded and kept again
            copies = {_COPIED_PIXEL: 2.0, _COPIED_BYTE: 2.0 * kept.rows * network.tensors[made].shape[3]}
            first = {name: count * (kept.calls - 1) for name, count in one.items()}
            found[made] = CountedPieces(_sum(one, copies), first)
        else:
            more = found[made].run if made in found else {}
            found[made] = CountedPieces(_sum(one, more), {})
    return found


def _tiles(network: Network, layout: TiledLayout) -> dict[str, CountedPieces]:
    """Return the pieces of a tile, of a column by tensor, and of a tile whose number of columns kernels are told."""
    found, tile, more_of_tile = dict[str, CountedPieces](), dict[str, float](), dict[str, float]()
    for member in layout.unturned:
        made = member.outputs[0]
        terms, rows, more = row_terms(network, member), layout.made(made), layout.more_rows(made)
        column = _times(terms.column, rows)
        tile = _sum(tile, _sum(_times(terms.call, rows), demanded_pieces(member)))
        more_of_tile = _sum(more_of_tile, _times(terms.call, more))
        if (
            made in layout.buffers
        ):  # what the next tile needs again is moved, what the next run needs is copied
            buffer, held = layout.buffers[made], layout.held(made)
            moved = buffer.slots * -(-held // (layout.tile * layout.across[made].stride))
            kept = layout.kept_anew(made)
            bytes_ = buffer.slots * held * buffer.pixel_bytes
            tile = _sum(tile, {_COPIED_PIXEL: moved + kept, _COPIED_BYTE: bytes_})
            column = _sum(column, {_COPIED_BYTE: float(kept * buffer.pixel_bytes)})
        found[made] = CountedPieces(column, _times(terms.column, more))
        found[made + VARYING] = CountedPieces(_times(terms.dynamic, rows), _times(terms.dynamic, more))
    found[TILE] = CountedPieces(tile, more_of_tile)
    return found


def _times(pieces: Pieces, times: float) -> dict[str, float]:
    return {name: count * times for name, count in pieces.items()}


def _member_pieces(network: Network, member: OperatorDesc, pixels: int) -> dict[str, float]:
    """Return the pieces of a call that makes so many pixels of a column."""
    terms = row_terms(network, member)
    column = {name: count * pixels for name, count in terms.column.items()}
    return _sum(_sum(terms.call, column), demanded_pieces(member))


def _sum(some: Pieces, more: Pieces) -> dict[str, float]:
    return {name: some.get(name, 0.0) + more.get(name, 0.0) for name in (*some, *more)}


def composite_pieces(
    network: Network, op: CompositeDesc, first: int, end: int, runs: int
) -> dict[str, float]:
    """Return the pieces of all runs of a composite that makes columns `first` to `end`, the latter excluded."""
    pieces: dict[str, float] = {}
    counted = op.laid_out.counted(first, end)
    for what, one in counted_pieces(network, op).items():
        for times, some in ((runs, one.run), (1, one.first)):
            for name, count in some.items():
                pieces[name] = pieces.get(name, 0.0) + count * counted[what] * times
    return pieces


def channel_pieces(network: Network, ops: Sequence[OperatorDesc], channels: int) -> dict[str, float]:
    """Return the pieces of a depthwise convolution in blocks of so many channels, perhaps behind what makes its input.

    Parameters
    ----------
    network : Network
        For shapes.
    ops : sequence of OperatorDesc
        One or two.
    channels : int
        Of a block.
    """
    pieces: dict[str, float] = {}

    def add(more: Mapping[str, float], times: float = 1.0) -> None:
        for name, count in more.items():
            pieces[name] = pieces.get(name, 0.0) + count * times

    blocks, pixels = 1, 0
    for op in ops:
        made = op.operator.outputs[0].shape
        blocks = -(-made[3] // channels)
        terms = row_terms(network, op)
        add(terms.once)
        add(terms.call, made[1] * (1 if op.kind == "depthwise_conv2d" else blocks))
        add(terms.column, made[1] * made[2])
        # What is widened for a tile of outputs is widened again for each block.
        widened = {name: count for name, count in terms.column.items() if name.endswith((".widen", ".rest"))}
        add(widened, made[1] * made[2] * (blocks - 1))
        add({_COPIED_PIXEL: (blocks - 1) * made[1]})
        pixels += made[1] * made[2]
    if len(ops) == 1:
        read = ops[0].operator.inputs[0].shape
        pixels += read[1] * read[2]
    else:
        pixels -= ops[0].operator.outputs[0].shape[1] * ops[0].operator.outputs[0].shape[2]
    add({_COPIED_PIXEL: blocks * pixels, _COPIED_BYTE: pixels * ops[-1].operator.outputs[0].shape[3]})
    return pieces


def segment_pieces(network: Network, layout: RowsLayout) -> dict[str, float]:
    """Return the pieces of a segment; :mod:`tvm_patch.planner.search.steps` counts them faster."""
    pieces: dict[str, float] = {}

    def add(more: Mapping[str, float], times: float = 1.0) -> None:
        for name, count in more.items():
            pieces[name] = pieces.get(name, 0.0) + count * times

    bands = layout.bands
    add({BAND: bands})
    for op, span, rows in zip(layout.elements, layout.spans, layout.counts.made, strict=True):
        if isinstance(op, CompositeDesc):
            for band in zip(span.first, span.end, strict=True):
                add(composite_pieces(network, op, *band, -(-rows // op.rows_at_once)))
            continue
        reduces, alone = not op.rows, len(layout.elements) == bands == 1
        terms = lone_terms(network, op) if alone and not reduces else row_terms(network, op, reduces)
        widths = np.subtract(span.end, span.first)
        dynamic = bool(widths.min() != widths.max())
        add(terms.once)
        add(terms.call, rows * bands)
        add(terms.dynamic, rows * bands * dynamic)
        add(terms.column, rows * float(widths.sum()))
        if op is not layout.elements[-1]:
            add(demanded_pieces(op), rows * bands)
    for name, buffer in layout.buffers.items():
        tensor = network.tensors[name]
        below = max(0, layout.counts.ends[name] - tensor.shape[1])
        outside = (buffer.top + below) * bands
        add({"stored.row": outside, "stored.byte": outside * buffer.line_bytes})
        if buffer.source != "made":
            # A row that is fetched comes whole; of a stored one a band copies its columns.
            whole = buffer.source == "fetched"
            columns = tensor.shape[2] * bands if whole else buffer.span.clipped(tensor.shape[2]).total
            bytes_ = tensor.shape[1] * columns * buffer.pixel_bytes
            add({f"{buffer.source}.row": tensor.shape[1] * bands, f"{buffer.source}.byte": bytes_})
    return pieces
