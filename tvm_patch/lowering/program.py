"""The lowered network: which function runs in which order, on which tensors, with which constants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tvm_patch.kernels import Kernel, TensorKernel, TensorView, kernel_for
from tvm_patch.kernels.registry import reduction_for
from tvm_patch.lowering.op_view import BoundFunction, BoundOp
from tvm_patch.lowering.patch_segment import lower_patches
from tvm_patch.lowering.segment import lower_segment
from tvm_patch.lowering.segment_parts import SegmentCode, SegmentPart, constant_names
from tvm_patch.lowering.tensor_step import lower_tensor_step
from tvm_patch.planner.alias import overlap_distance
from tvm_patch.planner.layouts import Layout, lay_out
from tvm_patch.planner.memory import runs_whole
from tvm_patch.planner.network import Network, OperatorDesc
from tvm_patch.planner.patch_layout import PatchLayout
from tvm_patch.planner.segments import Segment, kept_tensors
from tvm_patch.targets import Target

Role = Literal["in", "fetched", "constant", "scratch", "state", "out"]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a step's entry function.

    Attributes
    ----------
    name : str
        As in the printed function.
    role : str
        ``in``, ``fetched`` and ``out`` name a tensor, ``constant`` an array.
    tensor : str
        The tensor, for ``in``, ``fetched`` and ``out``.
    array : ndarray or None
        The values, for ``constant``.
    part : int
        Position in the segment of the operator whose constant it is.
    """

    name: str
    role: Role
    tensor: str = ""
    array: np.ndarray | None = None
    part: int = 0


@dataclass(frozen=True)
class Step:
    """Operators that one function runs.

    Attributes
    ----------
    index : int
        Position in run order.
    ops : tuple of BoundOp
        The operators.
    kernels : tuple of Kernel
        The generators their code came from.
    described : tuple of OperatorDesc
        What the planner knows of them.
    layout : SegmentLayout, PatchLayout or None
        Rows, bands and patches; None for an operator that runs on whole tensors.
    code : SegmentCode
        TIR.
    parameters : tuple of Parameter
        Of the entry, in order.
    input_distance : mapping of str to int or None
        Per tensor read: the least (input offset - output offset) at which the last output may overlap it when it
        dies here.
    scratch_bytes : int
        Bytes of row buffers, accumulators and kernel scratch.
    """

    index: int
    ops: tuple[BoundOp, ...]
    kernels: tuple[Kernel, ...]
    described: tuple[OperatorDesc, ...]
    layout: Layout | None
    code: SegmentCode
    parameters: tuple[Parameter, ...]
    input_distance: Mapping[str, int | None]
    scratch_bytes: int

    @property
    def inputs(self) -> tuple[str, ...]:
        """Tensors read from the arena."""
        return tuple(dict.fromkeys(p.tensor for p in self.parameters if p.role == "in"))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Tensors written to the arena."""
        return tuple(p.tensor for p in self.parameters if p.role == "out")

    @property
    def is_copy(self) -> bool:
        """Whether the step does nothing when input and output share their memory."""
        return self.described[0].is_copy

    @property
    def state_offset(self) -> int:
        """Byte offset of the accumulators in the scratch."""
        return 0 if self.layout is None or isinstance(self.layout, PatchLayout) else self.layout.state_offset

    @property
    def label(self) -> str:
        """Kinds of the operators, for names and comments."""
        kinds = [o.op.kind for o in self.ops]
        return kinds[0] if len(kinds) == 1 else f"segment_of_{len(kinds)}"


@dataclass(frozen=True)
class Program:
    """A network as a list of steps over named tensors.

    Attributes
    ----------
    name : str
        Name of the network, a C identifier.
    network : Network
        What the planner knows of it.
    tensors : dict of str to TensorView
        Every activation, graph inputs and outputs included.
    inputs, outputs : tuple of str
        Names of the graph's inputs and outputs.
    fetched : frozenset of str
        Inputs that are not in the arena.
    steps : tuple of Step
        In run order.
    """

    name: str
    network: Network
    tensors: Mapping[str, TensorView]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    fetched: frozenset[str]
    steps: tuple[Step, ...]

    @property
    def target(self) -> Target:
        """What it is for."""
        return self.network.target

    @property
    def constant_bytes(self) -> int:
        """Bytes of all packed constants."""
        arrays, _ = constant_table(self)
        return sum(int(a.nbytes) for a in arrays.values())

    @property
    def macs_executed(self) -> int:
        """Multiply-accumulates that the code runs."""
        return sum(
            s.layout.macs_executed(self.network) if s.layout else s.described[0].macs for s in self.steps
        )


def choose_kernels(
    graph: BoundFunction,
    target: Target,
    progress: Callable[[str, float], None] | None = None,
) -> list[Kernel]:
    """Return a kernel for every operator.

    Parameters
    ----------
    graph : BoundFunction
        The operators.
    target : Target
        What they will run on.
    progress : callable, optional
        Called with what is being done and the fraction done: proving that few instructions rescale exactly takes a
        second for a thousand channels.
    """
    kernels = []
    for i, item in enumerate(graph.ops):
        if progress is not None:
            progress("choosing kernels", i / len(graph.ops))
        kernels.append(kernel_for(item.op, target))
    return kernels


def lower_program(
    graph: BoundFunction,
    kernels: Sequence[Kernel],
    network: Network,
    segments: Sequence[Segment],
    fetched: frozenset[str] = frozenset(),
    progress: Callable[[str, float], None] | None = None,
) -> Program:
    """Generate the TIR of every segment.

    Parameters
    ----------
    graph : BoundFunction
        Operators and tensors.
    kernels : sequence of Kernel
        One per operator.
    network : Network
        From :func:`tvm_patch.lowering.describe.describe`.
    segments : sequence of Segment
        The plan's.
    fetched : frozenset of str
        Inputs whose rows are fetched; see :func:`tvm_patch.planner.modes.fetched_inputs`.
    progress : callable, optional
        Called with what is being done and the fraction done.

    Raises
    ------
    PlanError
        When a segment cannot run.
    """
    steps = []
    kept = kept_tensors(network, segments)
    for index, (segment, needed) in enumerate(zip(segments, kept, strict=True)):
        ops = tuple(graph.ops[i] for i in segment.operators)
        if progress:
            progress(f"lowering {ops[0].op.kind}", index / len(segments))
        mine = tuple(kernels[i] for i in segment.operators)
        described = tuple(network.operators[i] for i in segment.operators)
        if runs_whole(network, segment):
            assert isinstance(mine[0], TensorKernel)
            steps.append(_tensor_step(index, ops[0], mine[0], described[0]))
        else:
            layout = lay_out(network, segment, needed, fetched)
            steps.append(_row_step(index, ops, mine, layout, network))
    return Program(
        network.name,
        network,
        graph.tensors,
        graph.inputs,
        graph.outputs,
        fetched,
        tuple(steps),
    )


def _tensor_step(index: int, bound: BoundOp, kernel: TensorKernel, described: OperatorDesc) -> Step:
    scratch = -(-kernel.scratch_bytes // 4) * 4
    parameters = [Parameter(f"in{i}", "in", t) for i, t in enumerate(bound.inputs)]
    parameters += [Parameter(n, "constant", array=a) for n, a in kernel.constants.items()]
    if scratch:
        parameters.append(Parameter("scratch", "scratch"))
    parameters += [Parameter(f"out{i}", "out", t) for i, t in enumerate(bound.outputs)]
    distance = dict(zip(bound.inputs, described.in_place, strict=True))
    code = lower_tensor_step(kernel, f"op{index}")
    return Step(index, (bound,), (kernel,), (described,), None, code, tuple(parameters), distance, scratch)


def _row_step(
    index: int,
    ops: tuple[BoundOp, ...],
    kernels: tuple[Kernel, ...],
    layout: Layout,
    network: Network,
) -> Step:
    parts = []
    for op, kernel, described in zip(ops, kernels, layout.operators, strict=True):
        chosen = kernel if described.rows else reduction_for(op.op, network.target)
        assert chosen is not None
        parts.append(SegmentPart(chosen, op.inputs, op.outputs[0]))
    profile = [d.index for d in layout.operators] if len(parts) > 1 else None
    if isinstance(layout, PatchLayout):
        code = lower_patches(layout, parts, network.target, f"op{index}", profile)
    else:
        code = lower_segment(layout, parts, network.target, f"op{index}", profile)
    parameters = [Parameter(f"in{i}", "in", t) for i, t in enumerate(layout.sources)]
    parameters += [Parameter(f"fetched{i}", "fetched", t) for i, t in enumerate(layout.fetched)]
    parameters += [
        Parameter(name, "constant", array=parts[i].kernel.constants[constant], part=i)
        for i, constant, name in constant_names(parts)
    ]
    if layout.scratch_bytes:
        parameters.append(Parameter("scratch", "scratch"))
    if not layout.sink.rows:
        parameters.append(Parameter("state", "state"))
    parameters += [Parameter(f"out{i}", "out", t) for i, t in enumerate(layout.stored)]
    distance = {t: overlap_distance(layout, network, t) for t in layout.sources}
    made_by = tuple(p.kernel for p in parts)
    return Step(
        index, ops, made_by, layout.operators, layout, code, tuple(parameters), distance, layout.scratch_bytes
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
        for parameter in step.parameters:
            if parameter.array is not None:
                array = parameter.array
                key = (str(array.dtype), np.ascontiguousarray(array).tobytes())
                symbol = seen.setdefault(key, f"op{step.index}_{parameter.name}")
                arrays[symbol] = array
                symbols[step.index, parameter.name] = symbol
    return arrays, symbols
