"""The lowered network: which function runs in which order, on which tensors, with which constants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tvm_patch.kernels import Form, Kernel, RowKernel, TensorKernel, TensorView, kernel_for
from tvm_patch.lowering.layer import LayerCode, lower_layer
from tvm_patch.lowering.op_view import BoundFunction, BoundOp
from tvm_patch.lowering.rows import overlap_distance

COPY_KINDS = frozenset({"reshape"})
"""Operators whose output is their input, byte for byte: they cost nothing once both share their memory."""


@dataclass(frozen=True)
class Step:
    """One operator of the network, lowered.

    Attributes
    ----------
    index : int
        Position in run order.
    bound : BoundOp
        The operator and the names of the tensors it reads and writes.
    kernel : Kernel
        The generator its code came from.
    code : LayerCode
        Its TIR.
    input_distance : tuple of int or None
        Per input: the least (input offset - output offset) at which output 0 may overlap a dying input.
    """

    index: int
    bound: BoundOp
    kernel: Kernel
    code: LayerCode
    input_distance: tuple[int | None, ...]

    @property
    def is_copy(self) -> bool:
        """Whether the step does nothing when input and output share their memory."""
        return self.bound.op.kind in COPY_KINDS


@dataclass(frozen=True)
class Program:
    """A network as a list of steps over named tensors.

    Attributes
    ----------
    name : str
        Name of the network, a C identifier.
    form : {"portable", "dsp"}
        Form of the kernels.
    tensors : dict of str to TensorView
        Every activation, graph inputs and outputs included.
    inputs, outputs : tuple of str
        Names of the graph's inputs and outputs.
    steps : tuple of Step
        In run order.
    """

    name: str
    form: Form
    tensors: Mapping[str, TensorView]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    steps: tuple[Step, ...] = field(default_factory=tuple)

    @property
    def constant_bytes(self) -> int:
        """Bytes of all packed constants."""
        return sum(int(a.nbytes) for s in self.steps for a in s.kernel.constants.values())


def _distances(kernel: Kernel) -> tuple[int | None, ...]:
    if isinstance(kernel, RowKernel):
        return tuple(overlap_distance(kernel, i) for i in range(len(kernel.op.inputs)))
    assert isinstance(kernel, TensorKernel)
    if len(kernel.op.outputs) != 1:
        return tuple(None for _ in kernel.op.inputs)
    return kernel.in_place


def lower_operators(
    name: str,
    graph: BoundFunction,
    form: Form,
    config: Mapping[str, Mapping[str, Any]] | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Program:
    """Choose a kernel for every operator and generate its TIR.

    Parameters
    ----------
    name : str
        Name of the network, a C identifier.
    graph : BoundFunction
        The operators and tensors.
    form : {"portable", "dsp"}
        Form of the kernels.
    config : mapping, optional
        Kernel parameters by operator name.
    progress : callable, optional
        Called with what is being done and the fraction done.
    """
    steps = []
    for index, item in enumerate(graph.ops):
        if progress:
            progress(f"lowering {item.op.kind}", index / len(graph.ops))
        kernel = kernel_for(item.op, (config or {}).get(item.op.name))
        code = lower_layer(kernel, form, f"op{index}_row")
        steps.append(Step(index, item, kernel, code, _distances(kernel)))
    return Program(name, form, graph.tensors, graph.inputs, graph.outputs, tuple(steps))


def dead_after(program: Program) -> dict[str, int]:
    """Return the index of the step after which each tensor is no longer needed (``len(steps)`` for outputs)."""
    last = dict.fromkeys(program.tensors, -1)
    for step in program.steps:
        for name in (*step.bound.inputs, *step.bound.outputs):
            last[name] = step.index
    for name in program.outputs:
        last[name] = len(program.steps)
    return last


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
        for parameter, array in step.kernel.constants.items():
            key = (str(array.dtype), np.ascontiguousarray(array).tobytes())
            symbol = seen.setdefault(key, f"op{step.index}_{parameter}")
            arrays[symbol] = array
            symbols[step.index, parameter] = symbol
    return arrays, symbols
