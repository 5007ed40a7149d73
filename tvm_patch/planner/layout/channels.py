"""A depthwise convolution that runs block by block of channels: what it reads makes room for what it writes.

Each block is gathered with its padding, so that the output may lie where the input lay (in-place depthwise convolution,
Lin et al. 2020, section 3.2 and figure 8, there a channel at a time).  A ring of rows would hold the padding of all
channels, which is most of it where tensors are small and kernels are large.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from tvm_patch.errors import PlanError
from tvm_patch.planner.layout.base import Layout
from tvm_patch.planner.layout.row_buffer import BUFFERED_DTYPES, aligned
from tvm_patch.planner.network import Network, OperatorDesc


@dataclass(frozen=True, kw_only=True)
class ChannelsLayout(Layout):
    """One operator, block by block of channels.

    Attributes
    ----------
    blocks : tuple of OperatorDesc
        The operator on each block of channels.
    lines, columns : int
        Rows and columns of a block's input with its padding.
    row_offset, scratch_offset : int
        Byte offsets in the scratch of a row of a block's output, and of its kernel's working memory; the block's input
        comes before them.
    """

    blocks: tuple[OperatorDesc, ...]
    lines: int
    columns: int
    row_offset: int
    scratch_offset: int

    def macs_executed(self, network: Network) -> int:
        """Return the multiply-accumulates that the operator runs."""
        return self.sink.macs

    def with_scratch(self, scratch: Sequence[int]) -> Self:
        """Return the layout for kernels with other scratch: those of blocks have their own."""
        return self

    @property
    def window_bytes(self) -> int:
        """Bytes of a block's input with its padding, of the widest block."""
        return self.lines * self.columns * self.blocks[0].operator.outputs[0].shape[3]


def splits_channels(op: OperatorDesc) -> bool:
    """Tell whether an operator can run block by block of channels."""
    if op.kind != "depthwise_conv2d" or len(op.inputs) != 1 or len(op.rows) != 1:
        return False
    read, made = op.operator.inputs[0], op.operator.outputs[0]
    shapes = read.shape[0] == made.shape[0] == 1 and read.shape[3] == made.shape[3]
    return shapes and read.dtype in BUFFERED_DTYPES and made.dtype in BUFFERED_DTYPES


def layout_channels(
    network: Network, op: OperatorDesc, channels: int, blocks: Sequence[OperatorDesc] | None = None
) -> ChannelsLayout:
    """Lay out an operator that runs block by block of channels.

    Parameters
    ----------
    network : Network
        That can cut operators.
    op : OperatorDesc
    channels : int
        Of a block; the last one may have fewer.
    blocks : sequence of OperatorDesc, optional
        The operator on each block, if they are known.

    Raises
    ------
    PlanError
        When it cannot run in this way.
    """
    where = f"operator {op.index} ({op.kind} {op.name})"
    if not splits_channels(op):
        raise PlanError(f"{where} cannot run block by block of channels")
    read, made = op.operator.inputs[0], op.operator.outputs[0]
    if not 1 <= channels <= made.shape[3]:
        raise PlanError(f"blocks of {channels} channels do not fit the {made.shape[3]} of {made.name}")
    if blocks is None:
        blocks = network.shapes.blocks(op.index, channels) if network.shapes is not None else ()
    if not blocks:
        raise PlanError(f"{where} has no kernel for blocks of {channels} channels")
    (window,) = {block.rows[0] for block in blocks}
    lines = (made.shape[1] - 1) * window.stride + window.reach
    columns = window.columns_before + read.shape[2] + window.columns_after
    row = aligned(lines * columns * channels)
    scratch = row + aligned(made.shape[2] * channels)
    return ChannelsLayout(
        operators=(op,),
        sources=op.inputs,
        fetched=(),
        stored=op.outputs,
        scratch_bytes=scratch + aligned(max(block.scratch_bytes for block in blocks)),
        input_distance={op.inputs[0]: 0 if read.shape == made.shape else None},
        blocks=tuple(blocks),
        lines=lines,
        columns=columns,
        row_offset=row,
        scratch_offset=scratch,
    )
