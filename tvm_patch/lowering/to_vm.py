"""Integer dialect -> call_tir: what stock ``tvm.compile`` and ``relax.VirtualMachine`` run on the host."""

from __future__ import annotations

from typing import Any

import tvm
from tvm import relax
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as T  # noqa: N812 - TVM's own name for it
from tvm.tirx.transform import InlinePrivateFunctions

from tvm_patch.kernels import TensorView
from tvm_patch.lowering.op_view import bind_function
from tvm_patch.lowering.program import Program, Step, lower_operators

PrimFunc = Any


def _start_of(buffer: Any, view: TensorView) -> Any:
    return T.address_of(buffer[tuple(0 for _ in view.shape)] if view.shape else buffer[()])


def _wrapper(step: Step, layer: Any) -> PrimFunc:
    """Return the schedulable PrimFunc with buffers that ``call_tir`` wants around a layer with raw pointers.

    Parameters are the inputs, the constants, the outputs and last the scratch, which the caller discards.
    """
    op, constants = step.bound.op, step.kernel.constants
    with IRBuilder() as builder, T.prim_func(s_tir=True):
        T.func_name(f"{op.kind}_{step.index}")
        ins = [T.arg(f"in{i}", T.buffer(t.shape, t.dtype)) for i, t in enumerate(op.inputs)]
        consts = [T.arg(n, T.buffer((max(1, a.size),), str(a.dtype))) for n, a in constants.items()]
        outs = [T.arg(f"out{i}", T.buffer(t.shape, t.dtype)) for i, t in enumerate(op.outputs)]
        scratch = [T.arg("scratch", T.buffer((n,), "int8"))] if (n := step.code.scratch_bytes) else []
        with T.sblock("root"):
            arguments = [_start_of(b, t) for b, t in zip(ins, op.inputs, strict=True)]
            arguments += [T.address_of(c[0]) for c in consts]
            arguments += [T.address_of(s[0]) for s in scratch]
            arguments += [_start_of(b, t) for b, t in zip(outs, op.outputs, strict=True)]
            T.evaluate(tvm.ir.Call(layer, arguments, ret_ty=tvm.ir.PrimType("int32")))
    return builder.get()


def program_to_relax(program: Program) -> tvm.IRModule:
    """Build a Relax module that runs a program in portable form, one ``call_tir`` an operator."""
    builder = relax.BlockBuilder()
    params = [
        relax.Var(name, relax.TensorType(program.tensors[name].shape, program.tensors[name].dtype))
        for name in program.inputs
    ]
    values: dict[str, Any] = dict(zip(program.inputs, params, strict=True))
    private: dict[Any, PrimFunc] = {}
    with builder.function("main", params):
        with builder.dataflow():
            for step in program.steps:
                layer = tvm.ir.GlobalVar(f"op{step.index}_layer")
                private[layer] = step.code.functions["layer"]
                if step.code.row_variable is not None:
                    private[step.code.row_variable] = step.code.functions["row"]
                callee = builder.add_func(_wrapper(step, layer), f"{step.bound.op.kind}_{step.index}")
                _emit_call(builder, step, callee, values)
            results = [values[name] for name in program.outputs]
            result = builder.emit_output(results[0] if len(results) == 1 else relax.Tuple(results))
        builder.emit_func_output(result)
    module = builder.get()
    module.update(tvm.IRModule(private))
    return InlinePrivateFunctions()(module)


def _emit_call(builder: Any, step: Step, callee: Any, values: dict[str, Any]) -> None:
    op = step.bound.op
    arguments = [values[n] for n in step.bound.inputs]
    arguments += [relax.const(a.ravel() if a.size else a.reshape(1)) for a in step.kernel.constants.values()]
    types = [relax.TensorType(t.shape, t.dtype) for t in op.outputs]
    if step.code.scratch_bytes:
        types.append(relax.TensorType((step.code.scratch_bytes,), "int8"))
    call = relax.call_tir(callee, arguments, types if len(types) > 1 else types[0])
    produced = builder.emit(call)
    for i, name in enumerate(step.bound.outputs):
        values[name] = builder.emit(relax.TupleGetItem(produced, i)) if len(types) > 1 else produced


@tvm.transform.module_pass(opt_level=0, name="LowerQuantized")
class LowerQuantized:
    """Replace every operator of the integer dialect by a ``call_tir`` of its portable kernel.

    The result is ordinary Relax and TIR: ``tvm.compile(mod, target="llvm")`` builds it.
    """

    def transform_module(self, module: tvm.IRModule, _: tvm.transform.PassContext) -> tvm.IRModule:
        """Lower ``main``; see the class."""
        main = module["main"]
        graph = bind_function(main)
        program = lower_operators("main", graph, "portable")
        lowered = program_to_relax(program)
        if main.attrs:
            lowered["main"] = lowered["main"].with_attrs(dict(main.attrs.items()))
        return lowered
