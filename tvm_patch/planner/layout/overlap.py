"""How far a segment's output may lie over a dying input: the rows already read make room for the rows written."""

from __future__ import annotations

from tvm_patch.planner.layout.rows import RowsLayout
from tvm_patch.planner.network import Network
from tvm_patch.planner.row_window import RowWindow


def overlap_distance(layout: RowsLayout, network: Network, source: str) -> int | None:
    """Return the least (input offset - output offset) in bytes at which the sink may overwrite `source`.

    Parameters
    ----------
    layout : RowsLayout
        The segment.
    network : Network
        For sizes.
    source : str
        A tensor that the segment reads from the arena and that dies with it.

    Returns
    -------
    int or None
        None when they must not overlap: several bands read the input anew, a reduction writes at the end,
        other tensors are stored beside the output, or rows are read again.
    """
    if layout.bands > 1 or len(layout.stored) > 1 or not layout.sink.rows:
        return None
    output, stored = network.tensors[layout.stored[0]], network.tensors[source]
    if len(stored.shape) != 4 or stored.shape[0] != 1:
        return None
    limits = []
    for position, op in enumerate(layout.elements):
        for j, (tensor, window) in enumerate(zip(op.inputs, op.rows, strict=True)):
            if tensor != source:
                continue
            if window.stride == 0:
                return None
            same = position == len(layout.elements) - 1 and op.elementwise
            if same and (position, j) not in layout.buffered and stored.row_bytes == output.row_bytes:
                limits.append(0)
                continue
            limits.append(
                _distance(layout, position, j, window, output.row_bytes, stored.row_bytes, stored.rows)
            )
    return max(limits)


def _distance(
    layout: RowsLayout,
    position: int,
    j: int,
    window: RowWindow,
    out_bytes: int,
    in_bytes: int,
    height: int,
) -> int:
    """Return the distance that one use of the source asks for."""
    tensor = layout.elements[position].inputs[j]
    distance = -height * in_bytes
    for y in range(layout.flow.heights[-1]):
        if (position, j) in layout.buffered:
            needed = layout.counts.made_by[tensor][y]
        else:
            needed = window.first_row(layout.counts.runs_by[position][y])
        if needed < height:
            distance = max(distance, (y + 1) * out_bytes - max(0, needed) * in_bytes)
    return distance
