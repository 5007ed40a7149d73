"""The planner's description of a network, completed with what its kernels can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from relay_passes.extract_graph import extract_graph
from tvm_patch.graph import Graph
from tvm_patch.kernels import Kernel, RowKernel, TensorKernel, kernel_for
from tvm_patch.kernels.registry import reduction_for
from tvm_patch.planner.network import Network, OperatorDesc
from tvm_patch.targets import Target
from tvm_patch.tvm_types import IRModule

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
        _ask(OperatorDesc(index, op), kernel, target)
        for index, (op, kernel) in enumerate(zip(graph.operators, kernels, strict=True))
    )
    return Network(name, graph, operators, target)


def describe_module(module: IRModule, target: Target, name: str = "main") -> Network:
    """Return ``main`` of a legalized module as the planner's network, with what its kernels can do.

    Parameters
    ----------
    module : tvm.IRModule
        In the integer dialect, not scheduled yet.
    target : Target
        What it will be compiled for; see :func:`tvm_patch.targets.get_target`.
    name : str
        Name of the network, for people.
    """
    graph = extract_graph(module)
    return describe(graph, [kernel_for(op, target) for op in graph.operators], name, target)


def _is_flat(kernel: Kernel) -> bool:
    return isinstance(kernel, RowKernel) and kernel.flat


def _ask(op: OperatorDesc, kernel: Kernel, target: Target) -> OperatorDesc:
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
    return replace(described, in_place=in_place, state_bytes=state)
