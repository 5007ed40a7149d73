"""In which order branches of a segment are asked for rows: the one that looks down farthest goes first.

What branches share is made on demand of the branch that is asked first.  Another one that wanted a row further down
would find it missing, whatever the run order says: that is for whole tensors.
"""

from __future__ import annotations

from collections.abc import Sequence

from tvm_patch.graph import Graph
from tvm_patch.planner.row_window import RowWindow

_DIGITS = 9
"""Of parts of a picture; what differs by less looks down as far."""


def turns(graph: Graph, windows: Sequence[Sequence[RowWindow]]) -> tuple[int, ...]:
    """Return the turn of each operator: makers before readers, deep branches before others, else as in run order.

    Parameters
    ----------
    graph : Graph
    windows : sequence of sequence of RowWindow
        Of each operator, one an input; none where it needs whole tensors.
    """
    looks: dict[str, float] = {}
    makers: list[list[int]] = []
    for op, mine in zip(graph.operators, windows, strict=True):
        deepest = max(
            (
                looks.get(t.name, 0.0) + _below(mine[j] if mine else None, t.shape)
                for j, t in enumerate(op.inputs)
            ),
            default=0.0,
        )
        looks |= dict.fromkeys(op.output_names, deepest)
        made = [(i, looks[t]) for t in op.input_names if (i := graph.producer(t)) is not None]
        makers.append([i for _, i in sorted({(-round(depth, _DIGITS), i) for i, depth in made})])
    ends = [i for i, op in enumerate(graph.operators) if not any(graph.consumers(t) for t in op.output_names)]
    order = _depth_first(makers, ends)
    return tuple(sorted(range(len(order)), key=order.__getitem__))


def _below(window: RowWindow | None, shape: Sequence[int]) -> float:
    """Return how far below a row those lie that it is made of, as a part of all; all, where none is made alone."""
    if window is None or window.stride == 0 or len(shape) != 4:
        return 1.0
    return float(max(0, window.end_row(0) - 1)) / shape[1]


def _depth_first(makers: Sequence[Sequence[int]], ends: Sequence[int]) -> list[int]:
    """Return operators in an order in which each comes right behind its makers, those in their order."""
    done: dict[int, None] = {}
    pending = list(reversed(ends))
    while pending:
        index = pending[-1]
        missing = [i for i in makers[index] if i not in done]
        if index in done or not missing:
            pending.pop()
            done.setdefault(index)
        else:
            pending += missing[::-1]
    return list(done)
