"""The estimated cycles of a plan whose segments are known: those that a search that finds it says."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tvm_patch.errors import PlanError
from tvm_patch.planner.estimate.cycles import channel_pieces, cycles_of_pieces, whole_cost
from tvm_patch.planner.layout.composite_chain import Chain
from tvm_patch.planner.layout.patches import layout_patches
from tvm_patch.planner.layout.rows_builder import reduces_rows
from tvm_patch.planner.network import Network
from tvm_patch.planner.search.grown import Growing, Grown
from tvm_patch.planner.search.pace import paced_counts
from tvm_patch.planner.search.patched import patch_cycles
from tvm_patch.planner.search.pieces import Piece, composite_piece, piece_of
from tvm_patch.planner.search.steps import Steps
from tvm_patch.planner.segments import ChannelSegment, PatchSegment, Segment, kept_tensors


def plan_cycles(network: Network, segments: Sequence[Segment], fetched: Collection[str] = ()) -> int:
    """Return the estimated cycles of segments in run order.

    Parameters
    ----------
    network : Network
        Of a target whose costs count what is asked for.
    segments : sequence of Segment
    fetched : collection of str
        Network inputs whose rows are fetched.

    Raises
    ------
    PlanError
        When a segment cannot run.
    """
    kept = kept_tensors(network, segments)
    return sum(
        segment_cycles(network, segment, stored, fetched)
        for segment, stored in zip(segments, kept, strict=True)
    )


def segment_cycles(
    network: Network, segment: Segment, kept: Collection[str] = (), fetched: Collection[str] = ()
) -> int:
    """Return the estimated cycles of one segment.

    Parameters
    ----------
    network, fetched
        As for :func:`plan_cycles`.
    segment : Segment
    kept : collection of str
        Tensors that it makes and that are needed after it.

    Raises
    ------
    PlanError
        When it cannot run.
    """
    if isinstance(segment, PatchSegment):
        return patch_cycles(
            network,
            layout_patches(network, segment.operators, segment.patch_rows, segment.bands, kept, fetched),
        )
    operators = [network.operators[i] for i in segment.operators]
    if isinstance(segment, ChannelSegment):
        pieces = channel_pieces(network, operators, segment.channels)
        return round(cycles_of_pieces(pieces, network.target.costs))
    if segment.runs_whole(network, fetched):
        return round(whole_cost(network, operators[0]))
    grown = _grown(network, segment, kept, fetched)
    costs = None if grown is None else grown.costs()
    if costs is None:
        raise PlanError(f"operators {segment.operators} cannot run together in {segment.bands} bands")
    return costs.cycles


def _grown(
    network: Network, segment: Segment, kept: Collection[str], fetched: Collection[str]
) -> Grown | None:
    sink = network.operators[segment.operators[-1]]
    alone = len(segment.operators) == 1
    reduces = reduces_rows(sink, fed=not (alone and set(fetched).isdisjoint(sink.inputs)))
    growing = Growing(Steps(network, fetched, segment.bands), kept, sink.index, reduces)
    last, *others = reversed(_pieces(network, segment, reduces))
    grown = growing.start(last)
    for piece in others:
        grown = None if grown is None else grown.before(piece)
    return grown


def _pieces(network: Network, segment: Segment, reduces: bool) -> list[Piece]:
    """Return operators and composites in run order."""
    begins = {composite.operators[0]: composite for composite in segment.composites}
    inside = {i for composite in segment.composites for i in composite.operators}
    pieces = []
    for index in segment.operators:
        if index in begins:
            composite = begins[index]
            chain = Chain(network, composite.operators, count=paced_counts)
            desc = chain.of_rows(composite.rows, composite.keeps, composite.columns)
            pieces.append(composite_piece(network, composite, desc))
        elif index not in inside:
            last = reduces and index == segment.operators[-1]
            pieces.append(piece_of(network, network.operators[index], reduces=last))
    return pieces
