"""Composites drawn at random among those that a segment may have."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from tvm_patch.errors import PlanError
from tvm_patch.planner.composite import Composite
from tvm_patch.planner.layout.channels import splits_channels
from tvm_patch.planner.layout.composite_chain import describe_composite
from tvm_patch.planner.network import Network
from tvm_patch.planner.segments import Segment, kept_tensors, segment_of


def with_composites(
    network: Network,
    segments: Sequence[Segment],
    fetched: Collection[str],
    seed: int,
    longest: int = 6,
) -> list[Segment]:
    """Return a plan whose segments have composites wherever some can be: of random length, rows and columns, keeping or
    not."""
    rng = np.random.default_rng(seed)
    found = []
    for segment, kept in zip(segments, kept_tensors(network, segments), strict=True):
        last = network.operators[segment.operators[-1]]
        if len(segment.operators) <= 2 and not segment.cut_by and splits_channels(last):
            channels = network.tensors[last.outputs[0]].shape[3]
            drawn = segment_of(segment.operators, channels=int(rng.integers(1, channels + 1)))
        elif type(segment) is not Segment:
            drawn = segment
        else:
            drawn = replace(segment, composites=_drawn(network, segment, kept, rng, longest))
        try:
            drawn.lay_out(network, kept, fetched)
        except PlanError:
            drawn = segment
        found.append(drawn)
    return found


def _drawn(
    network: Network, segment: Segment, kept: Collection[str], rng: np.random.Generator, longest: int
) -> tuple[Composite, ...]:
    found: list[Composite] = []
    first = 0
    while first < len(segment.operators) - 1:
        for length in range(min(int(rng.integers(2, longest + 1)), len(segment.operators) - first), 1, -1):
            operators = segment.operators[first : first + length]
            sink = network.tensors[network.operators[operators[-1]].outputs[0]]
            rows, keeps = int(rng.integers(1, max(2, min(sink.rows, 9) + 1))), bool(rng.integers(2))
            columns = int(rng.integers(1, min(sink.shape[2], 9) + 1)) if len(sink.shape) == 4 else 0
            tiles = (columns, 0) if rng.integers(3) else (0,)
            # One that has nothing to keep may still be one that makes rows again; one without tiles runs columns.
            ways = [Composite(operators, rows, k, c) for k in {keeps, False} for c in tiles]
            made = _possible(network, ways, kept)
            if made is not None:
                found.append(made)
                first += length
                break
        else:
            first += 1
    return tuple(found)


def _possible(network: Network, tried: Sequence[Composite], kept: Collection[str]) -> Composite | None:
    for composite in sorted(tried, key=lambda c: (not c.keeps, not c.columns)):
        with suppress(PlanError):
            describe_composite(network, composite, kept)
            return composite
    return None
