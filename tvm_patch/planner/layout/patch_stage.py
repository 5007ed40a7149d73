"""What a patch stage sees and computes twice: the figures by which MCUNetV2 compares networks."""

from __future__ import annotations

from dataclasses import dataclass

from tvm_patch.errors import PlanError
from tvm_patch.planner.layout.patches import layout_patches
from tvm_patch.planner.network import Network


@dataclass(frozen=True)
class PatchStage:
    """The first operators of a network, run in p × p patches.

    Attributes
    ----------
    layers : int
        How many operators.
    tensor : str
        What the last one makes.
    patches : int
        Along each axis.
    field : tuple of int
        Rows and columns of the input that a patch in the middle reads: the "receptive field" of MCUNetV2's table.
    macs : int
        Of the stage, nothing computed twice.
    executed : int
        Multiply-accumulates that run; patches at the border of the picture read and compute less.
    executed_inside : int
        What would run if all patches were as large as one in the middle.
    """

    layers: int
    tensor: str
    patches: int
    field: tuple[int, int]
    macs: int
    executed: int
    executed_inside: int

    @property
    def overhead(self) -> float:
        """`executed` over `macs`."""
        return self.executed / self.macs if self.macs else 1.0

    @property
    def overhead_inside(self) -> float:
        """`executed_inside` over `macs`."""
        return self.executed_inside / self.macs if self.macs else 1.0


def patch_stage(network: Network, layers: int, patches: int) -> PatchStage:
    """Return the figures of a patch stage.

    Parameters
    ----------
    network : Network
        With ``rows`` described for row-wise operators.
    layers : int
        Operators of the stage.
    patches : int
        Along each axis.

    Raises
    ------
    PlanError
        When the stage cannot run in these patches.
    """
    if not 1 <= layers <= len(network.operators):
        raise PlanError(
            f"{layers} layers are impossible; {network.name} has {len(network.operators)} operators"
        )
    if patches < 1:
        raise PlanError(f"{patches} patches along each axis are impossible; the least is 1")
    operators = network.operators[:layers]
    later = {t for op in network.operators[layers:] for t in op.inputs} | set(network.outputs)
    layout = layout_patches(network, range(layers), patches, patches, later, network.inputs)
    inside, field = _inside(network, layers, patches)
    return PatchStage(
        layers,
        operators[-1].outputs[0],
        patches,
        field,
        sum(op.macs for op in operators),
        layout.macs_executed(network),
        inside,
    )


def _inside(network: Network, layers: int, patches: int) -> tuple[int, tuple[int, int]]:
    """Return the MACs of patches that nothing clips, and the rows and columns of the input that one reads."""
    operators = network.operators[:layers]
    sink = operators[-1].outputs[0]
    _, height, width, _ = network.tensors[sink].shape
    needed = {sink: (-(-height // patches), -(-width // patches))}
    executed = 0
    for op in reversed(operators):
        made = needed[op.outputs[0]]
        if op.macs:
            _, rows, columns, _ = network.tensors[op.outputs[0]].shape
            executed += op.macs * made[0] * made[1] * patches**2 // (rows * columns)
        for tensor, window in zip(op.inputs, op.rows, strict=True):
            read = (
                (made[0] - 1) * window.stride + window.reach,
                (made[1] - 1) * window.column_stride + window.column_reach,
            )
            known = needed.get(tensor, (0, 0))
            needed[tensor] = (max(read[0], known[0]), max(read[1], known[1]))
    fields = [needed[name] for name in network.inputs if name in needed]
    return executed, (max(f[0] for f in fields), max(f[1] for f in fields))
