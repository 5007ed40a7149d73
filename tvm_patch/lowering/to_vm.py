"""A program as Relax: one ``call_tir`` a step, for stock ``tvm.compile`` and ``relax.VirtualMachine`` on the host."""

from __future__ import annotations

from typing import Any

import numpy as np
import tvm
from tvm import relax
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as T  # noqa: N812 - TVM's own name for it
from tvm.tirx.transform import InlinePrivateFunctions

from tvm_patch.errors import InternalError
from tvm_patch.graph import Tensor
from tvm_patch.lowering.program import Program, Step
from tvm_patch.lowering.segment_parts import Parameter
from tvm_patch.tvm_types import BlockBuilder, Expr, GlobalVar, PrimFunc


def _start_of(buffer: Any, view: Tensor) -> Any:
    return T.address_of(buffer[tuple(0 for _ in view.shape)] if view.shape else buffer[()])


def _wrapper(program: Program, step: Step) -> PrimFunc:
    """Return the schedulable PrimFunc with buffers that ``call_tir`` wants around a step with raw pointers.

    Parameters are the inputs (fetched ones too), the constants, the outputs and last the scratch and the
    accumulators, which the caller discards.
    """
    with IRBuilder() as builder, T.prim_func(s_tir=True):
        T.func_name(f"{step.label}_{step.index}")
        buffers = {}
        for parameter in _call_order(step):
            view = _view(program, step, parameter)
            buffers[parameter.name] = (T.arg(parameter.name, T.buffer(view.shape, view.dtype)), view)
        with T.sblock("root"):
            arguments = [_start_of(*buffers[p.name]) for p in step.code.parameters]
            T.evaluate(tvm.ir.Call(step.code.entry, arguments, ret_ty=tvm.ir.PrimType("int32")))
    return builder.get()


_ORDER = {"in": 0, "fetched": 0, "constant": 1, "out": 2, "scratch": 3, "state": 3}


def _call_order(step: Step) -> list[Parameter]:
    """Return the parameters as ``call_tir`` passes them: what is read, then what is written."""
    return sorted(step.code.parameters, key=lambda p: _ORDER[p.role])


def _view(program: Program, step: Step, parameter: Parameter) -> Tensor:
    if parameter.array is not None:
        return Tensor(parameter.name, (max(1, parameter.array.size),), str(parameter.array.dtype))
    if parameter.role == "scratch":
        return Tensor(parameter.name, (step.layout.scratch_bytes,), "int8")
    if parameter.role == "state":
        return Tensor(parameter.name, (step.layout.sink.state_bytes // 4,), "int32")
    return program.tensors[parameter.tensor]


def program_to_relax(program: Program) -> tvm.IRModule:
    """Build a Relax module that runs a program on TVM's virtual machine, one ``call_tir`` a step.

    A fetched input is a parameter like any other.  The program must have been lowered for
    :data:`tvm_patch.targets.TIR`.
    """
    if program.target.prints_c:
        raise InternalError(f"TVM's virtual machine cannot run code for {program.target.name}; lower for TIR")
    builder = relax.BlockBuilder()
    params = [
        relax.Var(name, relax.TensorType(program.tensors[name].shape, program.tensors[name].dtype))
        for name in program.inputs
    ]
    values: dict[str, Expr] = dict(zip(program.inputs, params, strict=True))
    private: dict[GlobalVar, PrimFunc] = {}
    with builder.function("main", params):
        with builder.dataflow():
            for step in program.steps:
                private.update((variable, f.code) for variable, f in step.code.functions.items())
                callee = builder.add_func(_wrapper(program, step), f"{step.label}_{step.index}")
                _emit_call(builder, program, step, callee, values)
            results = [values[name] for name in program.outputs]
            result = builder.emit_output(results[0] if len(results) == 1 else relax.Tuple(results))
        builder.emit_func_output(result)
    module = builder.get()
    module.update(tvm.IRModule(private))
    return InlinePrivateFunctions()(module)


def _emit_call(
    builder: BlockBuilder, program: Program, step: Step, callee: GlobalVar, values: dict[str, Expr]
) -> None:
    ordered = _call_order(step)
    arguments = []
    for parameter in ordered:
        if parameter.array is not None:
            array = parameter.array
            arguments.append(relax.const(array.ravel() if array.size else np.zeros(1, array.dtype)))
        elif parameter.role in ("in", "fetched"):
            arguments.append(values[parameter.tensor])
    written = [p for p in ordered if _ORDER[p.role] >= 2]
    views = [_view(program, step, p) for p in written]
    types = [relax.TensorType(v.shape, v.dtype) for v in views]
    produced = builder.emit(relax.call_tir(callee, arguments, types if len(types) > 1 else types[0]))
    for i, parameter in enumerate(written):
        if parameter.role == "out":
            part = builder.emit(relax.TupleGetItem(produced, i)) if len(types) > 1 else produced
            values[parameter.tensor] = part
