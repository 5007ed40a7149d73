"""The planner's description of a legalized module."""

from __future__ import annotations

from relay_passes.extract_graph import extract_graph
from tvm_patch.kernels import kernel_for
from tvm_patch.kernels.describe import describe
from tvm_patch.planner.network import Network
from tvm_patch.targets import Target
from tvm_patch.tvm_types import IRModule


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
