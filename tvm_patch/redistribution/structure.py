"""What recipes and the search need to know of a network: its stages of residual blocks, its windows, their costs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from tvm_patch.errors import UnsupportedError
from tvm_patch.planner.network import Network, OperatorDesc
from tvm_patch.redistribution.blocks import ResidualBlock, residual_blocks
from tvm_patch.redistribution.receptive_field import ReceptiveField, fields_of
from tvm_patch.tflite.model import Model

_WINDOWS = ("conv2d", "depthwise_conv2d")


@dataclass(frozen=True)
class Structure:
    """A network by blocks.

    Attributes
    ----------
    network : Network
        The legalized network; its tensors have the names of the canonical model's.
    stages : tuple of tuple of ResidualBlock
        Blocks of equal shape that follow one another.
    """

    network: Network
    stages: tuple[tuple[ResidualBlock, ...], ...]

    @property
    def blocks(self) -> tuple[ResidualBlock, ...]:
        """All residual blocks in run order."""
        return tuple(block for stage in self.stages for block in stage)

    @cached_property
    def fields(self) -> dict[str, ReceptiveField]:
        """Receptive field of every tensor."""
        return fields_of(self.network.graph)

    @property
    def windows(self) -> tuple[OperatorDesc, ...]:
        """Convolutions, plain and depthwise, in run order."""
        return tuple(op for op in self.network.operators if op.kind in _WINDOWS)

    def operator(self, tensor: str) -> OperatorDesc:
        """Return the operator that makes `tensor`."""
        made = self.network.producer(tensor)
        assert made is not None, "a name of the network's own"
        return made

    def macs_of(self, block: ResidualBlock) -> int:
        """Return the multiply-accumulates of a block."""
        inside = set(block.tensors)
        return sum(op.macs for op in self.network.operators if op.outputs[0] in inside)


def structure_of(model: Model, network: Network) -> Structure:
    """Return the structure of a network.

    Parameters
    ----------
    model : Model
        In canonical form.
    network : Network
        The same, legalized and described.

    Raises
    ------
    UnsupportedError
        When it has no inverted residual blocks.
    """
    stages: list[list[ResidualBlock]] = []
    for block in residual_blocks(model):
        if network.producer(block.output) is None or network.producer(block.depthwise) is None:
            continue
        if stages and stages[-1][-1].output == block.input:
            stages[-1].append(block)
        else:
            stages.append([block])
    if not stages:
        raise UnsupportedError(
            f"{network.name} has no inverted residual block with a skip (expand, depthwise, project, add)",
            way_out="redistribution moves such blocks; give it a MobileNetV2, MCUNet, MnasNet or the like",
        )
    return Structure(network, tuple(map(tuple, stages)))
