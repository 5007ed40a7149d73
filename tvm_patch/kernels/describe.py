"""The planner's description of a network, completed with what its kernels can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tvm_patch.errors import UnsupportedError
from tvm_patch.graph import Graph, Operator
from tvm_patch.kernels.base import Kernel, RowKernel, TensorKernel
from tvm_patch.kernels.narrow import narrowed
from tvm_patch.kernels.registry import kernel_for, reduction_for
from tvm_patch.planner.channel_blocks import of_channels, starts_of
from tvm_patch.planner.network import Network, OperatorDesc
from tvm_patch.planner.turned import turned
from tvm_patch.targets import Target

COPY_KINDS = frozenset({"reshape"})
"""Operators whose output is their input, byte for byte: they cost nothing once both share their memory."""


def describe(graph: Graph, kernels: Sequence[Kernel], name: str, target: Target) -> Network:
    """Return a graph as a network that says what its kernels need and how they read rows.

    Parameters
    ----------
    graph : Graph
    kernels : sequence of Kernel
        One per operator, in run order.
    name : str
        Name of the network.
    target : Target
        Whose kernels they are.
    """
    operators = tuple(
        describe_operator(OperatorDesc(index, op), kernel, target)
        for index, (op, kernel) in enumerate(zip(graph.operators, kernels, strict=True))
    )
    return Network(name, graph, operators, target, KernelShapes(operators, target))


class KernelShapes:
    """Operators in other shapes: their kernels and descriptions, each found when it is asked for.

    Parameters
    ----------
    operators : sequence of OperatorDesc
        As they are.
    target : Target
        What they run on.
    """

    def __init__(self, operators: Sequence[OperatorDesc], target: Target) -> None:
        self._operators, self._target = operators, target
        self._turned: dict[int, tuple[RowKernel, OperatorDesc] | None] = {}
        self._tiled: dict[tuple[int, int], RowKernel] = {}
        self._first: dict[tuple[int, int], tuple[RowKernel, OperatorDesc] | None] = {}
        self._blocks: dict[tuple[int, int], list[tuple[RowKernel, OperatorDesc]]] = {}

    def turned(self, index: int) -> OperatorDesc | None:
        """Return the description of an operator turned by a quarter, None where it cannot be."""
        if index not in self._turned:
            op = self._operators[index]
            made = turned(op.operator, elementwise=op.elementwise) if op.rows else None
            self._turned[index] = None if made is None else self._described(index, made)
        found = self._turned[index]
        return None if found is None else found[1]

    def turned_kernel(self, index: int) -> RowKernel:
        """Return the kernel of an operator turned by a quarter that can be."""
        found = self._turned[index] if self.turned(index) is not None else None
        assert found is not None
        return found[0]

    def tiled(self, index: int, columns: int) -> OperatorDesc:
        """Return the description of an operator with what scratch pays where it makes so many columns at once."""
        kernel = self.tiled_kernel(index, columns)
        return replace(self._operators[index], scratch_bytes=kernel.scratch_bytes)

    def tiled_kernel(self, index: int, columns: int) -> RowKernel:
        """Return the kernel of that description, for the whole width."""
        op = self._operators[index].operator
        key = (index, min(columns, op.outputs[0].shape[2]))
        if key not in self._tiled:
            kernel = kernel_for(op, self._target)
            assert isinstance(kernel, RowKernel)
            best = narrowed(kernel, key[1]).within(self._target.ample_scratch)
            self._tiled[key] = type(kernel)(op, best.config)
        return self._tiled[key]

    def block(self, index: int, channels: int) -> OperatorDesc | None:
        """Return an operator on its first so many channels, None where it cannot be cut."""
        key = (index, channels)
        if key not in self._first:
            self._first[key] = self._described(
                index, of_channels(self._operators[index].operator, 0, channels)
            )
        found = self._first[key]
        return None if found is None else found[1]

    def blocks(self, index: int, channels: int) -> tuple[OperatorDesc, ...]:
        """Return an operator on so many channels after the other; nothing where it cannot be cut."""
        return tuple(desc for _, desc in self._cut(index, channels))

    def block_kernels(self, index: int, channels: int) -> tuple[RowKernel, ...]:
        """Return the kernels of :meth:`blocks`."""
        return tuple(kernel for kernel, _ in self._cut(index, channels))

    def _cut(self, index: int, channels: int) -> list[tuple[RowKernel, OperatorDesc]]:
        key = (index, channels)
        if key not in self._blocks:
            op = self._operators[index].operator
            cut = [self._described(index, of_channels(op, c, channels)) for c in starts_of(op, channels)]
            found = [c for c in cut if c is not None]
            self._blocks[key] = found if len(found) == len(cut) else []
        return self._blocks[key]

    def _described(self, index: int, op: Operator) -> tuple[RowKernel, OperatorDesc] | None:
        try:
            kernel = kernel_for(op, self._target)
        except UnsupportedError:
            return None
        if not isinstance(kernel, RowKernel) or not kernel.bandable:
            return None
        return kernel, describe_operator(OperatorDesc(index, op), kernel, self._target)


def _is_flat(kernel: Kernel) -> bool:
    return isinstance(kernel, RowKernel) and kernel.flat


def describe_operator(op: OperatorDesc, kernel: Kernel, target: Target) -> OperatorDesc:
    """Return an operator with what its kernel needs and can do.

    Parameters
    ----------
    op : OperatorDesc
        The operator at its place.
    kernel : Kernel
        Its kernel.
    target : Target
        What it runs on.
    """
    reduction = reduction_for(kernel.op, target)
    state = reduction.state_bytes if reduction is not None else 0
    described = replace(
        op,
        macs=kernel.macs,
        scratch_bytes=kernel.scratch_bytes,
        is_copy=op.kind in COPY_KINDS,
        code=type(kernel).__name__,
    )
    if isinstance(kernel, RowKernel):
        return replace(
            described,
            rows=kernel.windows,
            elementwise=kernel.elementwise,
            bandable=kernel.bandable,
            state_bytes=state,
            flat=_is_flat(kernel.by_itself(target.ample_scratch)),
        )
    assert isinstance(kernel, TensorKernel)
    in_place = kernel.in_place if len(kernel.op.outputs) == 1 else tuple(None for _ in kernel.op.inputs)
    bandable = reduction is None or not reduction.positioned
    return replace(described, in_place=in_place, state_bytes=state, bandable=bandable)
