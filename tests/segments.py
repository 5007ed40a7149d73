"""Random legal plans, and compiling a model under one."""

from __future__ import annotations

import numpy as np

from tvm_patch.errors import PlanError
from tvm_patch.planner.layout.rows_builder import layout_rows
from tvm_patch.planner.network import Network
from tvm_patch.planner.segments import Segment


def random_segments(network: Network, seed: int, longest: int = 12, most_bands: int = 4) -> list[Segment]:
    """Cut a network into random segments with random bands, every one of them legal."""
    rng = np.random.default_rng(seed)
    segments: list[Segment] = []
    first, count = 0, len(network.operators)
    while first < count:
        length = int(rng.integers(1, longest + 1))
        bands = int(rng.integers(1, most_bands + 1))
        segments.append(_longest_legal(network, first, min(length, count - first), bands))
        first += len(segments[-1].operators)
    return segments


def _longest_legal(network: Network, first: int, length: int, bands: int) -> Segment:
    for size in range(length, 1, -1):
        operators = tuple(range(first, first + size))
        after = {t for op in network.operators[first + size :] for t in op.inputs} | set(network.outputs)
        for pieces in range(bands, 0, -1):
            try:
                layout_rows(network, operators, pieces, after)
            except PlanError:
                continue
            return Segment(operators, pieces)
    return Segment((first,))
