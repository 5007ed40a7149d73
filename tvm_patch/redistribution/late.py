"""Giving work back behind the patch stage: blocks added, windows widened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

import numpy as np

from tvm_patch.redistribution.blocks import ResidualBlock
from tvm_patch.redistribution.edits import Edit, InsertBlock, SetKernel
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
    weight_bytes : int
        Constants added.
    """

    edits: tuple[Edit, ...]
    macs: int
    field: tuple[float, float]
    added: int
    weight_bytes: int


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
        rows = [
            [(w.macs, *w.field, w.added, len(w.edits), w.weight_bytes) for w in ways] for ways in self._ways
        ]
        self._sums = np.zeros((1, 6))
        for row in rows:
            self._sums = (self._sums[:, None] + np.array(row)).reshape(-1, 6)

    def best(self, wanted: int, tolerance: int, field: tuple[float, float], added: int) -> Late | None:
        """Return the way that adds the multiply-accumulates closest to `wanted`, in fifths of `tolerance`.

        Of equals, the one with the fewest edits (every window that grows is one, so blocks go first, which need no
        larger row buffers), then the one with the fewest bytes of weights.

        Parameters
        ----------
        wanted, tolerance : int
            Multiply-accumulates to add, and how far from that a way may be.
        field : tuple of float
            Least rows and columns of the input to see more.
        added : int
            Least number of blocks.
        """
        macs, rows, columns, blocks, edits, weights = self._sums.T
        off = np.abs(macs - wanted)
        fits = (off <= tolerance) & (rows >= field[0]) & (columns >= field[1]) & (blocks >= added)
        if not fits.any():
            return None
        coarse = np.floor(off / max(1, tolerance) * _GRADES)
        order = np.lexsort((off, weights, edits, coarse, ~fits))
        picked = np.unravel_index(int(order[0]), [len(ways) for ways in self._ways] or [1])
        parts = [ways[int(k)] for ways, k in zip(self._ways, picked, strict=False)]
        return Late(
            tuple(e for part in parts for e in part.edits),
            sum(p.macs for p in parts),
            (sum(p.field[0] for p in parts), sum(p.field[1] for p in parts)),
            sum(p.added for p in parts),
            sum(p.weight_bytes for p in parts),
        )


class _Grown(NamedTuple):
    """A block's depthwise window of another size, and what that adds."""

    size: tuple[int, int]
    macs: int
    weight_bytes: int
    field: tuple[float, float]


def _of_stage(structure: Structure, stage: tuple[ResidualBlock, ...]) -> Iterator[Late]:
    """Yield the ways to give work back in one stage."""
    last = stage[-1]
    inside = [op for op in structure.network.operators if op.outputs[0] in last.tensors]
    before, behind = structure.fields[last.input].size, structure.fields[last.output].size
    for grow in (0, 2):
        grown = [_grown(structure, block, grow) for block in stage]
        if grow and any(max(g.size) > WIDEST for g in grown):
            continue
        edits = [SetKernel(b.depthwise, g.size) for b, g in zip(stage, grown, strict=True)] if grow else []
        # What one more block costs: as the last one, its window grown as well.
        macs = sum(op.macs for op in inside) + grown[-1].macs
        weights = sum(op.weight_bytes for op in inside) + grown[-1].weight_bytes
        field = [finite(behind[k] - before[k]) + grown[-1].field[k] for k in (0, 1)]
        for n in range(MOST_ADDED + 1):
            yield Late(
                (*edits, *[InsertBlock(last.output, last.output)] * n),
                sum(g.macs for g in grown) + n * macs,
                (
                    sum(g.field[0] for g in grown) + n * field[0],
                    sum(g.field[1] for g in grown) + n * field[1],
                ),
                n,
                sum(g.weight_bytes for g in grown) + n * weights,
            )


def _grown(structure: Structure, block: ResidualBlock, grow: int) -> _Grown:
    op = structure.operator(block.depthwise)
    assert op.window is not None, "a depthwise convolution has one"
    (height, width), jump = op.window.kernel, structure.fields[block.input].jump
    taps = (height + grow) * (width + grow) - height * width
    wider = [finite(grow * d * j) for d, j in zip(op.window.dilation, jump, strict=True)]
    return _Grown(
        (height + grow, width + grow),
        op.macs * taps // (height * width),
        structure.network.tensors[block.depthwise].shape[3] * taps,
        (wider[0], wider[1]),
    )


def finite(pixels: float) -> float:
    """Return a part of the input; none where everything is seen already (behind squeeze-and-excitation)."""
    return pixels if isfinite(pixels) else 0.0
