"""Plans of one small network that together use all that plans can do; each case says what it is there for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.plans.composites import with_composites
from tests.plans.networks import one_of_each
from tests.plans.plans import longest_plan
from tvm_patch.input_mode import InputMode
from tvm_patch.planner.network import Network
from tvm_patch.planner.search.dynamic import Search
from tvm_patch.planner.segments import PatchSegment, Segment, layer_by_layer


def two_passes(network: Network, mode: InputMode = "rereadable") -> Sequence[Segment]:
    """Return a plan in which the makers of a squeezed tensor run twice, and read the image twice."""
    for point in Search(network, mode, 4.0).front:
        operators = [i for s in point.segments for i in s.operators]
        if len(set(operators)) < len(operators):
            return point.segments
    raise AssertionError("no plan runs an operator twice")


def given(network: Network, *segments: Segment) -> list[Segment]:
    """Return a plan of some segments, and one for each other operator."""
    taken = {i for s in segments for i in s.operators}
    others = [s for s in layer_by_layer(network) if s.operators[0] not in taken]
    return sorted([*segments, *others], key=lambda s: s.operators)


CASES: dict[str, tuple[InputMode, Callable[[Network], Sequence[Segment]]]] = {
    "bands": ("resident", lambda network: longest_plan(network, bands=3)),
    "rereadable": ("rereadable", lambda network: given(network, Segment((0,), 3), Segment((1, 2), 4))),
    "patches": (
        "rereadable",
        lambda network: given(
            network, PatchSegment((0, 1, 2), 3, 3), PatchSegment((7, 8, 9, 10, 11, 12), 2, 5)
        ),
    ),
    "streamed": ("streamed", lambda network: longest_plan(network, 1, "streamed")),
    "composites": (
        "rereadable",
        lambda network: with_composites(network, longest_plan(network, 1, "rereadable"), network.inputs, 1),
    ),
    "channels": (
        "resident",
        lambda network: with_composites(network, layer_by_layer(network), (), 2),
    ),
    "two-passes": ("rereadable", two_passes),
    "two-passes-resident": ("resident", lambda network: two_passes(network, "resident")),
}
"""Input mode and plan, by name."""

network = one_of_each
