"""Which plans an input that arrives only once permits."""

from __future__ import annotations

from collections.abc import Sequence

from tvm_patch.errors import PlanError
from tvm_patch.input_mode import InputMode
from tvm_patch.planner.network import Network
from tvm_patch.planner.segments import Segment


def check_reads(network: Network, segments: Sequence[Segment], mode: InputMode) -> None:
    """Check that a plan reads streamed inputs once, from top to bottom.

    A segment of one piece does: an input's row buffer gets row after row, whoever reads it.

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
        Naming what reads a row again, as a field of a plan.
    """
    if mode != "streamed":
        return
    for name in network.inputs:
        readers = {op.index for op in network.consumers(name)}
        using = [i for i, s in enumerate(segments) if readers & set(s.operators)]
        once = f"input {name} is streamed, its rows come once"
        if len(using) > 1:
            raise PlanError(f"segments[{using[1]}].operators: {once}, for segments[{using[0]}]")
        for i in using:
            if segments[i].cut_by:
                raise PlanError(f"segments[{i}].{segments[i].cut_by}: {once}; {segments[i].uncut}")
