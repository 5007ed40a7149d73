"""PatchSchedule: group operators into one Relax function a segment, with the plan as attributes.

``main`` becomes a list of calls.  Every function that it calls has the attributes

``tvm_patch.operators``
    JSON list of the operators' indices in run order, as ``tvm-patch inspect`` numbers them.
``tvm_patch.bands``, ``tvm_patch.patch_rows``, ``tvm_patch.channels``
    See :func:`tvm_patch.planner.segments.segment_of`.
``tvm_patch.composites``
    Where there are some: JSON list of ``[operators, rows, keeps, columns]``; see
    :class:`tvm_patch.planner.composite.Composite`.

and ``main`` gains ``tvm_patch.input_mode`` and, where a whole plan was given, ``tvm_patch.plan``, its JSON.  The module
is ordinary Relax and computes what it computed before; ``tvm_patch.lowering.LowerSegments`` turns each function into
code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import tvm
from tvm import relax

from relay_passes.extract_graph import extract_graph
from relay_passes.straight_line import (
    MAIN,
    FunctionBuilder,
    StraightLine,
    is_constant,
    replace_main,
    with_operands,
)
from tvm_patch.input_mode import InputMode
from tvm_patch.planner.network import Network, OperatorDesc
from tvm_patch.planner.plan import Plan
from tvm_patch.planner.segments import Segment, check_operators, kept_tensors
from tvm_patch.tvm_types import Expr, Var

OPERATORS, COMPOSITES = "tvm_patch.operators", "tvm_patch.composites"
INPUT_MODE, PLAN = "tvm_patch.input_mode", "tvm_patch.plan"
NUMBER = "tvm_patch."
"""What precedes the name of one of :data:`tvm_patch.planner.segments.NUMBERS`."""


@tvm.transform.module_pass(opt_level=0, name="PatchSchedule")
class PatchSchedule:
    """Group the operators of ``main`` into segments; see the module's text.

    Parameters
    ----------
    plan : Plan or sequence of Segment
        What runs together.
    input_mode : {"resident", "rereadable", "streamed"}
        Where the inputs come from; a plan says so itself.

    Raises
    ------
    PlanError
        When an operator is in no segment or does not exist, or one reads what is made after it.
    UnsupportedError
        When ``main`` is not in the integer dialect.
    """

    def __init__(self, plan: Plan | Sequence[Segment], input_mode: InputMode = "resident") -> None:
        if isinstance(plan, Plan):
            segments = plan.cut()
            self.segments, self.attrs = segments, {INPUT_MODE: plan.input_mode, PLAN: plan.model_dump_json()}
        else:
            self.segments, self.attrs = list(plan), {INPUT_MODE: input_mode}

    def transform_module(self, module: tvm.IRModule, _: tvm.transform.PassContext) -> tvm.IRModule:
        """Schedule ``main``; see the class."""
        graph = extract_graph(module)
        # Which operators there are and what they read is all that is asked here, nothing of their kernels.
        network = Network(MAIN, graph, tuple(OperatorDesc(i, op) for i, op in enumerate(graph.operators)))
        check_operators(network, self.segments)
        kept = kept_tensors(network, self.segments)
        line = StraightLine.main_of(module)
        calls = [(var, value) for var, value in line.bindings if isinstance(value, relax.Call)]
        names = _Names(
            line, {var: op.output_names for (var, _), op in zip(calls, graph.operators, strict=True)}
        )
        blocks = relax.BlockBuilder()
        main = FunctionBuilder(line.params, {**line.attrs, **self.attrs})
        values: dict[str, Expr] = {str(p.name): p for p in line.params}
        functions = {}
        for index, (segment, needed) in enumerate(zip(self.segments, kept, strict=True)):
            inside = {t for i in segment.operators for t in network.operators[i].outputs}
            read = dict.fromkeys(
                t for i in segment.operators for t in network.operators[i].inputs if t not in inside
            )
            stored = [t for i in segment.operators for t in network.operators[i].outputs if t in needed]
            stored = stored or list(network.operators[segment.operators[-1]].outputs)
            function = _segment_function(
                segment, [calls[i] for i in segment.operators], names, {t: values[t] for t in read}, stored
            )
            variable = blocks.add_func(function, f"segment_{index}")
            functions[variable] = function
            arguments = [values[t] for t in read]
            result = main.emit(relax.Call(variable, arguments), f"segment_{index}_out")
            for position, tensor in enumerate(stored):
                part = relax.TupleGetItem(result, position)
                values[tensor] = main.emit(part, tensor) if len(stored) > 1 else result
        scheduled = replace_main(
            module, main.finish([values[t] for t in network.outputs], line.returns_tuple)
        )
        scheduled.update(tvm.IRModule(functions))
        return scheduled


class _Names:
    """Names of the tensors that expressions stand for."""

    def __init__(self, line: StraightLine, outputs: Mapping[Var, Sequence[str]]) -> None:
        self.line, self.outputs = line, outputs

    def of(self, expr: Expr) -> str:
        """Return the name of a tensor; a parameter has its own."""
        source = self.line.resolve(expr)
        value = self.line.values.get(source)
        if isinstance(value, relax.TupleGetItem):
            return self.outputs[self.line.resolve(value.tuple_value)][int(value.index)]
        return self.outputs[source][0] if source in self.outputs else str(source.name)


def _segment_function(
    segment: Segment,
    calls: Sequence[tuple[Var, Expr]],
    names: _Names,
    read: Mapping[str, Expr],
    stored: Sequence[str],
) -> Expr:
    """Return the function of a segment, its parameters named as the tensors that it reads."""
    params = {name: relax.Var(name, value.ty) for name, value in read.items()}
    attrs = {
        OPERATORS: json.dumps(list(segment.operators)),
        **{NUMBER + name: number for name, number in segment.numbers.items()},
    }
    if segment.composites:
        attrs[COMPOSITES] = json.dumps(
            [[list(c.operators), c.rows, c.keeps, c.columns] for c in segment.composites]
        )
    builder = FunctionBuilder(list(params.values()), attrs)
    values: dict[str, Expr] = dict(params)

    def current(expr: Expr) -> Expr:
        source = names.line.resolve(expr)
        if is_constant(source):
            return source
        value = names.line.values.get(source)
        if isinstance(value, relax.Tuple):
            return relax.Tuple([current(f) for f in value.fields])
        return values[names.of(source)]

    for var, value in calls:
        outputs = names.outputs[var]
        alone = len(outputs) == 1
        made = builder.emit(with_operands(value, current), str(var.name), alone and outputs[0] in stored)
        for position, tensor in enumerate(outputs):
            part = relax.TupleGetItem(made, position)
            values[tensor] = made if alone else builder.emit(part, tensor, tensor in stored)
    return builder.finish([values[t] for t in stored], len(stored) > 1)
