"""What a network costs under MCUNetV2's scheme, before and after."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tvm_patch.errors import PlanError
from tvm_patch.planner.choose import Request, choose_plan
from tvm_patch.planner.layout.patch_stage import PatchStage, patch_stage
from tvm_patch.planner.network import Network
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.segments import layer_by_layer
from tvm_patch.redistribution.receptive_field import fields_of

_USUAL_PATCHES = (4, 3, 2)


@dataclass(frozen=True)
class Measures:
    """Figures of one network.

    Attributes
    ----------
    stage : PatchStage
    macs : int
        Of the network, nothing computed twice.
    field : tuple of float
        Rows and columns of the input that an element of the last convolution over more than one pixel sees.
    weight_bytes : int
    layer_arena_bytes : int
        Layer by layer, input in the arena.
    patched_arena_bytes : int
        Under scheme ``mcunetv2`` with this stage, rows of the input fetched again.
    """

    stage: PatchStage
    macs: int
    field: tuple[float, float]
    weight_bytes: int
    layer_arena_bytes: int
    patched_arena_bytes: int

    @property
    def overhead(self) -> float:
        """Multiply-accumulates executed over those of the network."""
        return (self.macs - self.stage.macs + self.stage.executed) / self.macs

    @property
    def overhead_inside(self) -> float:
        """The same, were all patches as large as one in the middle."""
        return (self.macs - self.stage.macs + self.stage.executed_inside) / self.macs


def measure(network: Network, layers: int, patches: int) -> Measures:
    """Return the figures of a network whose first `layers` operators run in `patches` × `patches` patches."""
    request = Request("rereadable", "mcunetv2", "memory", patches=patches, layers=layers)
    return Measures(
        patch_stage(network, layers, patches),
        network.macs,
        final_field(network),
        network.weight_bytes,
        Schedule.of(network, layer_by_layer(network)).arena_bytes,
        choose_plan(network, request).plan.arena_bytes,
    )


def final_field(network: Network) -> tuple[float, float]:
    """Return what an element of the last windowed operator that slides over pixels sees of the input."""
    fields = fields_of(network.graph)
    sliding = [
        op
        for op in network.operators
        if op.window is not None
        and op.kind.endswith("conv2d")
        and network.tensors[op.outputs[0]].shape[1] > 1
    ]
    return fields[sliding[-1].outputs[0]].size if sliding else (1.0, 1.0)


def choose_stage(network: Network, layers: int | None, patches: int | None) -> tuple[int, int]:
    """Return layers and patches of the stage to look at.

    What is not given is what scheme ``mcunetv2`` takes for the least arena; of patches 4, 3 or 2, the first that the
    network can be cut into.

    Raises
    ------
    PlanError
        When the network cannot run in patches.
    """
    first: PlanError | None = None
    for number in _options(patches):
        request = Request("rereadable", "mcunetv2", "memory", patches=number, layers=layers)
        try:
            return len(choose_plan(network, request).point.segments[0].operators), number
        except PlanError as error:
            first = first or error
    assert first is not None
    raise first


def _options(patches: int | None) -> Iterable[int]:
    return _USUAL_PATCHES if patches is None else (patches,)
