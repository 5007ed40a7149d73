"""A depthwise convolution that runs block by block of channels: what it reads makes room for what it writes.

Each block is gathered with its padding, so that the output may lie where the input lay (in-place depthwise convolution,
Lin et al. 2020, section 3.2 and figure 8, there a channel at a time).  A ring of rows would hold the padding of all
channels, which is most of it where tensors are small and kernels are large.

A 1×1 convolution before it may run with it: it makes each block of its channels right where the depthwise convolution
reads it, and its output, the widest tensor of an inverted bottleneck, never exists.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self

from tvm_patch.errors import PlanError
from tvm_patch.planner.layout.base import Layout
from tvm_patch.planner.layout.row_buffer import BUFFERED_DTYPES, aligned
from tvm_patch.planner.network import Network, OperatorDesc
from tvm_patch.planner.row_window import RowWindow


@dataclass(frozen=True, kw_only=True)
class ChannelsLayout(Layout):
    """Operators that run block by block of channels.

    Attributes
    ----------
    blocks : tuple of tuple of OperatorDesc
        Per operator, on each block of channels.
    lines, columns : int
        Rows and columns of a block's input with its padding.
    row_offset, scratch_offset : int
        Byte offsets in the scratch of a row of a block's output, and of the kernels' working memory; the block's input
        comes before them.
    """

    blocks: tuple[tuple[OperatorDesc, ...], ...]
    lines: int
    columns: int
    row_offset: int
    scratch_offset: int

    def macs_executed(self, network: Network) -> int:
        """Return the multiply-accumulates that the operators run."""
        return sum(op.macs for op in self.operators)

    def with_scratch(self, scratch: Sequence[int]) -> Self:
        """Return the layout for kernels with other scratch: those of blocks have their own."""
        return replace(self, operators=self._operators_with(scratch))

    @property
    def takes_over(self) -> bool:
        """Whether the output may lie exactly where the input lies: each block is gathered before it is written."""
        read, made = self.sink.operator.inputs[0], self.sink.operator.outputs[0]
        return len(self.operators) == 1 and read.shape == made.shape

    @property
    def window_bytes(self) -> int:
        """Bytes of a block's input with its padding, of the widest block."""
        return self.lines * self.columns * self.blocks[-1][0].operator.outputs[0].shape[3]

    @property
    def block_scratch(self) -> int:
        """Bytes of the kernels' working memory."""
        return max(op.scratch_bytes for blocks in self.blocks for op in blocks)


def splits_channels(op: OperatorDesc) -> bool:
    """Tell whether an operator can run block by block of channels."""
    if op.kind != "depthwise_conv2d" or len(op.inputs) != 1 or len(op.rows) != 1:
        return False
    read, made = op.operator.inputs[0], op.operator.outputs[0]
    shapes = read.shape[0] == made.shape[0] == 1 and read.shape[3] == made.shape[3]
    return shapes and read.dtype in BUFFERED_DTYPES and made.dtype in BUFFERED_DTYPES


def makes_channels(op: OperatorDesc) -> bool:
    """Tell whether an operator can make a block of channels of what comes after it."""
    plain = RowWindow()
    one_by_one = (
        op.kind == "conv2d"
        and len(op.rows) == 1
        and (op.rows[0].size, op.rows[0].stride, op.rows[0].buffered) == (1, 1, False)
        and (op.rows[0].column_stride, op.rows[0].column_reach) == (plain.column_stride, plain.column_reach)
    )
    if not one_by_one:
        return False
    weight, read, made = op.operator.constants.get("weight"), op.operator.inputs[0], op.operator.outputs[0]
    return weight is not None and weight.shape[3] == read.shape[3] and read.shape[0] == made.shape[0] == 1


def layout_channels(
    network: Network,
    operators: Sequence[int],
    channels: int,
    blocks_of: Callable[[int, int], Sequence[OperatorDesc]] | None = None,
) -> ChannelsLayout:
    """Lay out operators that run block by block of channels.

    Parameters
    ----------
    network : Network
        That can cut operators.
    operators : sequence of int
        A depthwise convolution, perhaps behind a 1×1 convolution.
    channels : int
        Of a block; the last one may have fewer.
    blocks_of : callable, optional
        Returns an operator on blocks of so many channels; what the network knows without it.

    Raises
    ------
    PlanError
        When they cannot run in this way.
    """
    ops = tuple(network.operators[i] for i in operators)
    op = ops[-1]
    where = f"operator {op.index} ({op.kind} {op.name})"
    if not splits_channels(op):
        raise PlanError(f"{where} cannot run block by block of channels")
    if len(ops) > 2 or (len(ops) == 2 and not _feeds(network, *ops)):
        raise PlanError(f"{where} can run in blocks with nothing but a 1×1 convolution that it alone reads")
    read, made = op.operator.inputs[0], op.operator.outputs[0]
    if not 1 <= channels <= made.shape[3]:
        raise PlanError(f"blocks of {channels} channels do not fit the {made.shape[3]} of {made.name}")
    known = blocks_of or (network.shapes.blocks if network.shapes is not None else None)
    blocks = tuple(tuple(known(o.index, channels)) if known is not None else () for o in ops)
    if not all(blocks):
        raise PlanError(f"{where} has no kernels for blocks of {channels} channels")
    (window,) = {block.rows[0] for block in blocks[-1]}
    lines = (made.shape[1] - 1) * window.stride + window.reach
    columns = window.columns_before + read.shape[2] + window.columns_after
    row = aligned(lines * columns * channels)
    scratch = row + aligned(made.shape[2] * channels)
    return ChannelsLayout(
        operators=ops,
        sources=ops[0].inputs,
        fetched=(),
        stored=op.outputs,
        scratch_bytes=scratch + aligned(max(block.scratch_bytes for each in blocks for block in each)),
        input_distance=dict.fromkeys(ops[0].inputs),
        blocks=blocks,
        lines=lines,
        columns=columns,
        row_offset=row,
        scratch_offset=scratch,
    )


def _feeds(network: Network, first: OperatorDesc, second: OperatorDesc) -> bool:
    """Tell whether a 1×1 convolution makes what a depthwise convolution alone reads."""
    (name,) = first.outputs
    alone = [r.index for r in network.consumers(name)] == [second.index] and name not in network.outputs
    return makes_channels(first) and second.inputs == (name,) and alone
