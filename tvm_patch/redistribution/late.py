"""Giving work back behind the patch stage: blocks added, windows widened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from relay_passes.edits import Edit, InsertBlock, SetKernel
from relay_passes.residual_blocks import ResidualBlock
from tvm_patch.redistribution.structure import Structure

MOST_ADDED = 2
"""Blocks that a stage may gain."""
MOST_STAGES = 7
"""Stages that are looked at: each multiplies the ways by six."""
WIDEST = 7
"""Taps of a depthwise window beyond which it does not grow."""
_GRADES = 5  # of distance from the wanted work, within the tolerance


@dataclass(frozen=True)
class Late:
    """Work given back.

    Attributes
    ----------
    edits : tuple of Edit
    macs : int
        Multiply-accumulates added.
    field : tuple of float
        Rows and columns of the input that the last element sees more than before.
    added : int
        Blocks put in.
    """

    edits: tuple[Edit, ...]
    macs: int
    field: tuple[float, float]
    added: int


class LateOptions:
    """Every way to give work back behind the first operators of a network.

    The rules: a stage of equal blocks gains up to two copies of its last block, behind it; the depthwise windows of all
    its blocks grow by one ring of taps, up to 7 × 7.  Of more than seven stages, the seven with the most work.

    Parameters
    ----------
    structure : Structure
        The network.
    layers : int
        Its first operators, where nothing is added.
    """

    def __init__(self, structure: Structure, layers: int) -> None:
        inside = {op.outputs[0] for op in structure.network.operators[:layers]}
        later = [s for s in structure.stages if not inside.intersection(s[-1].tensors)]
        heavy = sorted(later, key=lambda s: -sum(map(structure.macs_of, s)))[:MOST_STAGES]
        self._ways = [list(_of_stage(structure, stage)) for stage in later if stage in heavy]
        rows = [[(w.macs, *w.field, w.added, len(w.edits)) for w in ways] for ways in self._ways]
        self._sums = np.zeros((1, 5))
        for row in rows:
            self._sums = (self._sums[:, None] + np.array(row)).reshape(-1, 5)

    def best(self, wanted: int, tolerance: int, field: tuple[float, float], added: int) -> Late | None:
        """Return the way that adds the multiply-accumulates closest to `wanted`, to a percent; then the fewest edits.

        Parameters
        ----------
        wanted, tolerance : int
            Multiply-accumulates to add, and how far from that a way may be.
        field : tuple of float
            Least rows and columns of the input to see more.
        added : int
            Least number of blocks.
        """
        macs, rows, columns, blocks, edits = self._sums.T
        off = np.abs(macs - wanted)
        fits = (off <= tolerance) & (rows >= field[0]) & (columns >= field[1]) & (blocks >= added)
        if not fits.any():
            return None
        coarse = np.rint(off / max(1, tolerance) * _GRADES)
        order = np.lexsort((off, edits, coarse, ~fits))
        picked = np.unravel_index(int(order[0]), [len(ways) for ways in self._ways] or [1])
        parts = [ways[int(k)] for ways, k in zip(self._ways, picked, strict=False)]
        return Late(
            tuple(e for part in parts for e in part.edits),
            sum(p.macs for p in parts),
            (sum(p.field[0] for p in parts), sum(p.field[1] for p in parts)),
            sum(p.added for p in parts),
        )


def _of_stage(structure: Structure, stage: tuple[ResidualBlock, ...]) -> Iterator[Late]:
    last = stage[-1]
    for grow in (0, 2):
        windows = [structure.operator(b.depthwise) for b in stage]
        kernels = [op.window.kernel for op in windows if op.window is not None]
        if grow and max(max(k) for k in kernels) + grow > WIDEST:
            continue
        edits: list[Edit] = []
        macs, field = 0, (0.0, 0.0)
        if grow:
            for block, op, kernel in zip(stage, windows, kernels, strict=True):
                edits.append(SetKernel(block.depthwise, (kernel[0] + grow, kernel[1] + grow)))
                macs += _more(op.macs, kernel, grow)
                field = _wider(structure, block, (grow, grow), field)
        own = structure.macs_of(last) + _more(windows[-1].macs, kernels[-1], grow)
        reach = (kernels[-1][0] + grow - 1, kernels[-1][1] + grow - 1)
        for added in range(MOST_ADDED + 1):
            inserted = [InsertBlock(last.output, last.output)] * added
            yield Late((*edits, *inserted), macs + added * own, field, added)
            field = _wider(structure, last, reach, field)


def _more(macs: int, kernel: tuple[int, int], grow: int) -> int:
    """Return what a depthwise convolution costs more with a wider window."""
    taps = kernel[0] * kernel[1]
    return macs * (kernel[0] + grow) * (kernel[1] + grow) // taps - macs


def _wider(
    structure: Structure, block: ResidualBlock, taps: tuple[int, int], field: tuple[float, float]
) -> tuple[float, float]:
    """Return `field` with a block's window reaching `taps` elements further."""
    jump = structure.fields[block.input].jump
    return field[0] + taps[0] * jump[0], field[1] + taps[1] * jump[1]
