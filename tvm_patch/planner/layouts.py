"""The two kinds of segments: rows on demand, or patches."""

from __future__ import annotations

from collections.abc import Collection

from tvm_patch.planner.layout import SegmentLayout, layout_segment
from tvm_patch.planner.network import Network
from tvm_patch.planner.patch_layout import PatchLayout, layout_patches
from tvm_patch.planner.segments import Segment

Layout = SegmentLayout | PatchLayout


def lay_out(
    network: Network, segment: Segment, kept: Collection[str] = (), fetched: Collection[str] = ()
) -> Layout:
    """Lay out a segment as its kind asks.

    Parameters
    ----------
    network : Network
    segment : Segment
    kept : collection of str
        Tensors that the segment makes and that are needed after it.
    fetched : collection of str
        Network inputs whose rows are fetched.

    Raises
    ------
    PlanError
        When it cannot run in this way.
    """
    if segment.patch_rows:
        return layout_patches(network, segment.operators, segment.patch_rows, segment.bands, kept, fetched)
    return layout_segment(network, segment.operators, segment.bands, kept, fetched)
