"""The lowered network: which function runs in which order, on which tensors, with which constants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tvm_patch.graph import Graph, Operator, Tensor
from tvm_patch.kernels import Kernel, RowKernel, kernel_for
from tvm_patch.kernels.registry import reduction_for
from tvm_patch.lowering.composite import kernel_in_composite
from tvm_patch.lowering.printers import lower_segment
from tvm_patch.lowering.segment_parts import SegmentCode, SegmentPart
from tvm_patch.planner.layout.base import Layout
from tvm_patch.planner.layout.rows import RowsLayout
from tvm_patch.planner.network import Network
from tvm_patch.planner.plan import Bought
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.segments import ChannelSegment
from tvm_patch.targets import Target


@dataclass(frozen=True)
class Step:
    """A segment with its code.

    Attributes
    ----------
    index : int
        Position in run order.
    ops : tuple of Operator
        The operators.
    kernels : tuple of Kernel
        The generators their code came from.
    layout : Layout
        What the code does, and what it asks of the arena.
    code : SegmentCode
        TIR.
    """

    index: int
    ops: tuple[Operator, ...]
    kernels: tuple[Kernel, ...]
    layout: Layout
    code: SegmentCode

    @property
    def label(self) -> str:
        """Kinds of the operators, for names and comments."""
        kinds = [o.kind for o in self.ops]
        return kinds[0] if len(kinds) == 1 else f"segment_of_{len(kinds)}"


@dataclass(frozen=True)
class Program:
    """A network as a list of steps over named tensors.

    Attributes
    ----------
    name : str
        Name of the network, a C identifier.
    schedule : Schedule
        What the planner knows of it: operators, segments, where they lie in the arena.
    tensors : dict of str to Tensor
        Every activation, graph inputs and outputs included.
    inputs, outputs : tuple of str
        Names of the graph's inputs and outputs.
    steps : tuple of Step
        In run order.
    bought : Bought or None
        Without a plan, what the arena is larger for than it has to be; a plan says so itself.
    """

    name: str
    schedule: Schedule
    tensors: Mapping[str, Tensor]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    steps: tuple[Step, ...]
    bought: Bought | None = None

    @property
    def target(self) -> Target:
        """What it is for."""
        return self.network.target

    @property
    def network(self) -> Network:
        """The operators, with the scratch that their kernels have."""
        return self.schedule.network

    @property
    def fetched(self) -> frozenset[str]:
        """Inputs that are not in the arena."""
        return self.schedule.fetched

    @property
    def constant_bytes(self) -> int:
        """Bytes of all packed constants."""
        arrays, _ = constant_table(self)
        return sum(int(a.nbytes) for a in arrays.values())


def choose_kernels(
    graph: Graph,
    target: Target,
    progress: Callable[[str, float], None] | None = None,
) -> list[Kernel]:
    """Return a kernel for every operator.

    Parameters
    ----------
    graph : Graph
        The operators.
    target : Target
        What they will run on.
    progress : callable, optional
        Called with what is being done and the fraction done: proving that few instructions rescale exactly takes a
        second for a thousand channels.
    """
    kernels = []
    for i, op in enumerate(graph.operators):
        if progress is not None:
            progress("choosing kernels", i / len(graph.operators))
        kernels.append(kernel_for(op, target))
    return kernels


def lower_program(
    graph: Graph,
    kernels: Sequence[Kernel],
    schedule: Schedule,
    progress: Callable[[str, float], None] | None = None,
) -> Program:
    """Generate the TIR of every segment.

    Parameters
    ----------
    graph : Graph
        Operators and tensors.
    kernels : sequence of Kernel
        One per operator, with the scratch that the schedule has for it.
    schedule : Schedule
        Of the network from :func:`tvm_patch.kernels.describe.describe`.
    progress : callable, optional
        Called with what is being done and the fraction done.
    """
    steps, target = [], schedule.network.target
    for index, (segment, layout) in enumerate(zip(schedule.segments, schedule.layouts, strict=True)):
        ops = tuple(graph.operators[i] for i in segment.operators)
        if progress:
            progress(f"lowering {ops[0].kind}", index / len(schedule.segments))
        parts, composed = [], {i for c in segment.composites for i in c.operators}
        for op, described in zip(ops, layout.operators, strict=True):
            kernel: Kernel | None = kernels[described.index]
            if described.index in composed:
                shapes = schedule.network.shapes
                assert shapes is not None
                kernel = kernel_in_composite(layout, described.index, shapes)
            elif not described.rows and isinstance(
                layout, RowsLayout
            ):  # it reduces rows that are made or fetched
                kernel = reduction_for(op, target)
            assert kernel is not None
            blocks: Sequence[RowKernel] = ()
            if isinstance(segment, ChannelSegment):
                assert schedule.network.shapes is not None
                blocks = schedule.network.shapes.block_kernels(described.index, segment.channels)
            parts.append(SegmentPart(kernel, op.input_names, op.output_names[0], tuple(blocks)))
        code = lower_segment(layout, parts, target, f"op{index}")
        steps.append(Step(index, ops, tuple(p.kernel for p in parts), layout, code))
    return Program(
        schedule.network.name,
        schedule,
        graph.tensors,
        schedule.network.inputs,
        schedule.network.outputs,
        tuple(steps),
    )


def constant_table(program: Program) -> tuple[dict[str, np.ndarray], dict[tuple[int, str], str]]:
    """Collect the constants of all steps, equal ones once.

    Returns
    -------
    arrays : dict of str to ndarray
        By symbol name.
    symbols : dict of (step index, parameter name) to str
        Which symbol each step passes for each parameter.
    """
    arrays: dict[str, np.ndarray] = {}
    symbols: dict[tuple[int, str], str] = {}
    seen: dict[tuple[str, bytes], str] = {}
    for step in program.steps:
        for parameter in step.code.parameters:
            if parameter.array is not None:
                array = parameter.array
                key = (str(array.dtype), np.ascontiguousarray(array).tobytes())
                symbol = seen.setdefault(key, f"op{step.index}_{parameter.name}")
                arrays[symbol] = array
                symbols[step.index, parameter.name] = symbol
    return arrays, symbols
