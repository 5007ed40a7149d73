"""Which printer prints which kind of segment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tvm_patch.lowering.channels_segment import lower_channels
from tvm_patch.lowering.patch_segment import lower_patches
from tvm_patch.lowering.rows_segment import lower_rows
from tvm_patch.lowering.segment_parts import SegmentCode, SegmentPart
from tvm_patch.lowering.whole_segment import lower_whole
from tvm_patch.planner.layout.base import Layout
from tvm_patch.planner.layout.channels import ChannelsLayout
from tvm_patch.planner.layout.patches import PatchLayout
from tvm_patch.planner.layout.rows import RowsLayout
from tvm_patch.planner.layout.whole import WholeLayout
from tvm_patch.targets import Target

# Any: each takes its own kind of layout.
_PRINTERS: dict[type[Layout], Callable[[Any, Sequence[SegmentPart], Target, str], SegmentCode]] = {
    RowsLayout: lower_rows,
    PatchLayout: lower_patches,
    ChannelsLayout: lower_channels,
    WholeLayout: lower_whole,
}


def lower_segment(
    layout: Layout,
    parts: Sequence[SegmentPart],
    target: Target,
    name: str,
) -> SegmentCode:
    """Generate the TIR of a segment.

    Parameters
    ----------
    layout : Layout
        What it must do.
    parts : sequence of SegmentPart
        Its operators, in run order.
    target : Target
        What it is for; only where it prints C are buffers filled by ``memcpy`` and ``memset``, do rows of fetched
        inputs come from a callback (``fetched{i}`` is a ``struct tvmp_rows``) and are operators reported.  Elsewhere
        ``fetched{i}`` is the whole tensor, since nothing defines :data:`tvm_patch.lowering.segment_printer.FETCH`.
    name : str
        Prefix of the functions' names.
    """
    return _PRINTERS[type(layout)](layout, parts, target, name)
