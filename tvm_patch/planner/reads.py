"""Which plans an input that arrives only once permits."""

from __future__ import annotations

from collections.abc import Sequence

from tvm_patch.errors import PlanError
from tvm_patch.input_mode import InputMode
from tvm_patch.planner.network import Network
from tvm_patch.planner.segments import Segment


def check_reads(network: Network, segments: Sequence[Segment], mode: InputMode) -> None:
    """Check that a plan reads streamed inputs once, from top to bottom.

    Inside a segment of one band it does: an input's row buffer gets row after row, whoever reads it.

    Parameters
    ----------
    network : Network
        With the inputs.
    segments : sequence of Segment
        The plan's.
    mode : {"resident", "rereadable", "streamed"}
        Where the inputs come from.

    Raises
    ------
    PlanError
        Naming what reads a row again.
    """
    if mode != "streamed":
        return
    for name in network.inputs:
        readers = [
            i for i, s in enumerate(segments) if any(name in network.operators[k].inputs for k in s.operators)
        ]
        if len(readers) > 1:
            raise PlanError(
                f"streamed input {name} is read by segments {', '.join(map(str, readers))}: its rows come only once"
            )
        for i in readers:
            if segments[i].patch_rows:
                raise PlanError(
                    f"streamed input {name} is read by segment {i} in patches: its rows come only once"
                )
            if segments[i].bands > 1:
                raise PlanError(
                    f"streamed input {name} is read by segment {i} in {segments[i].bands} bands: "
                    "its rows come only once"
                )
