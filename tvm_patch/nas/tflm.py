"""The arena that TFLite Micro plans for an architecture, from its shapes: what searches for other engines have to fit.

Its greedy planner places tensors by falling size, each in the first gap that is large enough among those that live at
the same time; nothing is computed in place.  Its interpreter's records and the scratch of its kernels come on top and
are left out here: what is returned is less than it takes.
"""

from __future__ import annotations

from tvm_patch.nas.architecture import Architecture
from tvm_patch.nas.layers import INPUT, layers_of

_ALIGNMENT = 16


def tflm_arena(architecture: Architecture) -> int:
    """Return bytes of the tensors of an architecture as TFLite Micro's greedy planner places them."""
    wired = layers_of(architecture)
    size = {INPUT: architecture.colors * architecture.resolution**2}
    first, last = {INPUT: 0}, {INPUT: 0}
    for step, (layer, reads) in enumerate(wired):
        size[step], first[step], last[step] = layer.bytes, step, step
        for read in reads:
            last[read] = step
    placed: list[tuple[int, int, int]] = []
    for tensor in sorted(size, key=lambda t: -size[t]):
        length = -(-size[tensor] // _ALIGNMENT) * _ALIGNMENT
        offset = 0
        for begin, end, other in sorted(placed):
            if last[other] < first[tensor] or first[other] > last[tensor]:
                continue
            if begin - offset >= length:
                break
            offset = max(offset, end)
        placed.append((offset, offset + length, tensor))
    return max(end for _, end, _ in placed)
