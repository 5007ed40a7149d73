"""Inverted residual blocks of a QDQ module: expand, convolve depthwise, project, add what came in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from relay_passes.quant_graph import QuantGraph
from relay_passes.straight_line import StraightLine, op_name, shape_of

Var = Any


@dataclass(frozen=True)
class ResidualBlock:
    """One block, by the names of its tensors.

    Attributes
    ----------
    input, output : str
        What it reads and what its addition makes.
    tensors : tuple of str
        What it makes, in run order, the output last.
    depthwise : str
        What its depthwise convolution makes.
    project : str
        The summand that it computes.
    shape : tuple of int
        Of input and output.
    """

    input: str
    output: str
    tensors: tuple[str, ...]
    depthwise: str
    project: str
    shape: tuple[int, ...]


def residual_blocks(module: Any) -> tuple[ResidualBlock, ...]:
    """Return the inverted residual blocks with a skip of ``main``, in run order.

    Parameters
    ----------
    module : tvm.IRModule
        In QDQ form.
    """
    return blocks_of(QuantGraph(StraightLine.main_of(module)))


def blocks_of(graph: QuantGraph) -> tuple[ResidualBlock, ...]:
    """Return the blocks of a function; see :func:`residual_blocks`."""
    found = (_block(graph, tensor) for tensor in graph.tensors.values())
    return tuple(block for block in found if block is not None)


def _block(graph: QuantGraph, output: Var) -> ResidualBlock | None:
    sources = graph.sources(output)
    if len(sources) != 2 or graph.step(output, "relax.add") is None or linear_step(graph, output) is not None:
        return None
    if any(shape_of(s) != shape_of(output) for s in sources):
        return None  # a sum that broadcasts is no skip
    for skip, branch in (sources, sources[::-1]):
        inner = _between(graph, skip, branch, output)
        if inner is None:
            continue
        windows = [t for t in inner if is_depthwise(graph, t)]
        if len(windows) == 1 and linear_step(graph, branch) is not None:
            names = tuple(str(t.name) for t in (*inner, output))
            return ResidualBlock(
                str(skip.name),
                names[-1],
                names,
                str(windows[0].name),
                str(branch.name),
                shape_of(output),
            )
    return None


def _between(graph: QuantGraph, start: Var, end: Var, output: Var) -> list[Var] | None:
    """Return the tensors from `start` to `end` when nothing else goes in or out between them, or None."""
    inside, queue = {end}, [end]
    while queue:
        tensor = queue.pop()
        if not graph.sources(tensor):
            return None
        for source in graph.sources(tensor):
            if source != start and source not in inside:
                inside.add(source)
                queue.append(source)
    whole = inside | {output}
    if any(t in graph.outputs or not whole.issuperset(graph.readers(t)) for t in inside):
        return None
    return [t for t in graph.tensors.values() if t in inside]


def linear_step(graph: QuantGraph, tensor: Var) -> Var | None:
    """Return the binding of the convolution that makes `tensor`, or None."""
    return graph.step(tensor, "relax.nn.conv2d")


def is_depthwise(graph: QuantGraph, tensor: Var) -> bool:
    """Tell whether a depthwise convolution makes `tensor`."""
    step = linear_step(graph, tensor)
    if step is None:
        return False
    call = graph.line.values[step]
    assert op_name(call) == "relax.nn.conv2d"
    groups = int(call.attrs.groups)
    return groups > 1 and groups == shape_of(call.args[0])[3]
