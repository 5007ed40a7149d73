"""MCUNetV2's own scheme: the first operators in square patches, the others one after another.

Lin et al., MCUNetV2: Memory-Efficient Patch-based Inference for Tiny Deep Learning, NeurIPS 2021, section 3.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tvm_patch.errors import PlanError
from tvm_patch.input_mode import InputMode
from tvm_patch.planner.estimate.cycles import row_cost
from tvm_patch.planner.layout.patches import PatchLayout, layout_patches
from tvm_patch.planner.modes import fetched_inputs
from tvm_patch.planner.network import Network
from tvm_patch.planner.search.layers import layer_cycles
from tvm_patch.planner.search.one_segment import OneSegment
from tvm_patch.planner.search.pareto import pareto
from tvm_patch.planner.search.ways import Ways
from tvm_patch.planner.segments import PatchSegment, Segment

MOST_PATCHES = 6
"""Patches along each axis beyond which none are looked for, unless asked."""


class Patched(Ways):
    """Plans of one network under MCUNetV2's scheme.

    Parameters
    ----------
    network : Network
        With ``rows`` described for row-wise operators.
    mode : {"resident", "rereadable", "streamed"}
        Where the input comes from.
    patches : int, optional
        Patches along each axis; 2 to :data:`MOST_PATCHES` are tried without it.
    layers : int, optional
        Operators that run patch by patch; all numbers are tried without it.

    Raises
    ------
    PlanError
        When the network cannot run in this way.
    """

    def __init__(
        self, network: Network, mode: InputMode, patches: int | None = None, layers: int | None = None
    ) -> None:
        if mode == "streamed":
            raise PlanError(
                "scheme mcunetv2 reads rows of the input again for every patch: a streamed input cannot be had; "
                "use --input-mode rereadable or resident, or --scheme auto"
            )
        count = len(network.operators)
        if patches is not None and patches < 1:
            raise PlanError(f"{patches} patches along each axis are impossible; the least is 1")
        if layers is not None and not 1 <= layers <= count:
            raise PlanError(f"{layers} layers are impossible; {network.name} has {count} operators")
        self.network, self.fetched = network, fetched_inputs(network, mode)
        self._found: list[tuple[Segment, ...]] = []
        self._why: PlanError | None = None
        tried = [patches] if patches is not None else range(2, MOST_PATCHES + 1)
        costs = list(self._run(tried, [layers] if layers is not None else range(1, count + 1)))
        if not costs:
            raise PlanError(
                f"{network.name} cannot run under scheme mcunetv2: {self._why}{self._advice(tried, layers)}"
            )
        table = np.array(costs, np.int64)
        best = pareto(table)
        self._found = [self._found[i] for i in best.tolist()]
        super().__init__(network, mode, table[best], int(table[:, 1].max()))

    def segments_of(self, way: int) -> tuple[Segment, ...]:
        """Return the segments of a way."""
        return self._found[way]

    def _advice(self, patches: Sequence[int], layers: int | None) -> str:
        """Return which numbers of layers would do, when one was asked for."""
        if layers is None:
            return ""
        count = len(self.network.operators)
        good = [n for n in range(1, count + 1) if any(self._layout(n, p) is not None for p in patches)]
        near = sorted(sorted(good, key=lambda n: (abs(n - layers), n))[:4])
        return f"; numbers of layers near it that work: {', '.join(map(str, near)) or 'none'}"

    def _layout(self, layers: int, patches: int) -> PatchLayout | None:
        """Lay out the first operators in patches; None where they cannot, the first reason kept."""
        needed = self._cuts.needed[layers]
        try:
            return layout_patches(self.network, range(layers), patches, patches, needed, self.fetched)
        except PlanError as error:
            self._why = self._why or error
            return None

    def _run(self, patches: Sequence[int], layers: Sequence[int]) -> Iterator[tuple[int, int, int]]:
        network = self.network
        single = OneSegment(network, self.fetched, False)
        cuts = self._cuts = single.cuts
        alone = [min(m.peak for m in single.alone(op.index)) for op in network.operators]
        slow = [layer_cycles(network, op, self.fetched) for op in network.operators]
        for length in layers:
            for p in patches:
                layout = self._layout(length, p)
                if layout is None:
                    continue
                stored = cuts.alive[0] + cuts.new_bytes(layout.stored, 0)
                peak = max(layout.scratch_bytes + stored, *alone[length:], 0)
                macs = layout.macs_executed(network) + sum(op.macs for op in network.operators[length:])
                cycles = patch_cycles(network, layout) + sum(slow[length:])
                rest = tuple(Segment((op.index,)) for op in network.operators[length:])
                self._found.append((PatchSegment(tuple(range(length)), p, p), *rest))
                yield peak, macs, cycles


def patch_cycles(network: Network, layout: PatchLayout) -> int:
    """Return the estimated cycles of a patched segment."""
    total = 0.0
    for op, region in zip(layout.operators, layout.regions, strict=True):
        cost = row_cost(network, op)
        rows, columns = region.rows.total, region.columns.total
        total += rows * (layout.bands * cost.call + columns * cost.column)
    return round(total)
