"""Reading what :class:`relay_passes.patch_schedule.PatchSchedule` wrote: the network and its segments."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import tvm
from tvm import relax

from relay_passes.extract_graph import graph_of
from relay_passes.patch_schedule import COMPOSITES, INPUT_MODE, NUMBER, OPERATORS, PLAN
from relay_passes.straight_line import MAIN, StraightLine
from tvm_patch.errors import PlanError
from tvm_patch.graph import Graph, Operator, Tensor
from tvm_patch.input_mode import INPUT_MODES, InputMode
from tvm_patch.planner.composite import Composite
from tvm_patch.planner.plan import Plan
from tvm_patch.planner.segments import NUMBERS, Segment, segment_of
from tvm_patch.tvm_types import Call, RelaxFunction, Var


@dataclass(frozen=True)
class Scheduled:
    """A scheduled module, taken apart.

    Attributes
    ----------
    graph : Graph
        Its operators, as before they were grouped.
    segments : tuple of Segment
        In run order.
    input_mode : {"resident", "rereadable", "streamed"}
    plan : Plan or None
        The whole plan, where the module carries it.
    """

    graph: Graph
    segments: tuple[Segment, ...]
    input_mode: InputMode
    plan: Plan | None


def is_scheduled(module: tvm.IRModule) -> bool:
    """Tell whether ``main`` calls segments."""
    return any(OPERATORS in (f.attrs or {}) for f in module.functions.values())


def read_schedule(module: tvm.IRModule) -> Scheduled:
    """Take a scheduled module apart.

    Raises
    ------
    PlanError
        When its attributes do not describe the functions that they are on.
    """
    main = module[MAIN]
    mode = str(main.attrs.get(INPUT_MODE, "resident"))
    if mode not in INPUT_MODES:
        raise PlanError(f"{INPUT_MODE}: {mode!r} is unknown; use {', '.join(INPUT_MODES)}")
    text = main.attrs.get(PLAN)
    reader = _Reader(module)
    graph, segments = reader.run()
    return Scheduled(graph, segments, mode, Plan.from_json(str(text)) if text else None)


class _Reader:
    def __init__(self, module: tvm.IRModule) -> None:
        self.module, self.line = module, StraightLine.main_of(module)
        self.ops: dict[int, Operator] = {}
        self.inputs = tuple(
            Tensor(str(p.name), tuple(int(d) for d in p.ty.shape), str(p.ty.dtype)) for p in self.line.params
        )
        self.taken = {t.name for t in self.inputs}
        self.known: dict[Any, Tensor] = dict(zip(self.line.params, self.inputs, strict=True))
        self.parts: dict[Any, tuple[Tensor, ...]] = {}

    def run(self) -> tuple[Graph, tuple[Segment, ...]]:
        segments = [
            self._segment(var, value) for var, value in self.line.bindings if isinstance(value, relax.Call)
        ]
        if sorted(self.ops) != list(range(len(self.ops))):
            raise PlanError(f"{OPERATORS}: some operator below {max(self.ops) + 1} is in no segment")
        outputs = tuple(self._tensor(o) for o in self.line.outputs)
        operators = tuple(self.ops[i] for i in range(len(self.ops)))
        return Graph(operators, self.inputs, outputs), tuple(segments)

    def _tensor(self, expr: Any) -> Tensor:
        source = self.line.resolve(expr)
        value = self.line.values.get(source)
        if isinstance(value, relax.TupleGetItem):
            return self.parts[self.line.resolve(value.tuple_value)][int(value.index)]
        return self.known[source]

    def _segment(self, var: Var, call: Call) -> Segment:
        if not isinstance(call.op, tvm.ir.GlobalVar) or OPERATORS not in (self.module[call.op].attrs or {}):
            raise PlanError(
                f"binding {var.name} of {MAIN} calls no segment; run PatchSchedule on a whole module"
            )
        function = self.module[call.op]
        where = f"{OPERATORS} of {call.op.name_hint}"
        inside = graph_of(function)
        indices = _indices(function, where)
        if len(indices) != len(inside.operators):
            raise PlanError(f"{where}: {len(indices)} indices, but {len(inside.operators)} operators")
        # The whole network's tensor by its name in the function.
        outer = {t.name: self._tensor(a) for t, a in zip(inside.inputs, call.args, strict=True)}
        for index, op in zip(indices, inside.operators, strict=True):
            self._add(index, op, outer, where)
        results = tuple(outer[t.name] for t in inside.outputs)
        self.parts[var] = results
        self.known[var] = results[0]
        attrs = function.attrs
        composites = _composites(function, f"{COMPOSITES} of {call.op.name_hint}")
        numbers = {n: int(attrs.get(NUMBER + n, d)) for n, d in NUMBERS.items()}
        return segment_of(indices, **numbers, composites=composites)

    def _add(self, index: int, op: Operator, outer: dict[str, Tensor], where: str) -> None:
        """Add an operator under its own names; one that runs a second time is what it was the first time."""
        inputs = tuple(outer[t.name] for t in op.inputs)
        known = self.ops.get(index)
        if known is None:
            outputs = tuple(replace(t, name=self._unique(t.name)) for t in op.outputs)
            self.ops[index] = replace(op, inputs=inputs, outputs=outputs)
            self.taken |= {t.name for t in outputs}
        elif (known.kind, known.inputs) != (op.kind, inputs):
            raise PlanError(f"{where}: operator {index} is {op.kind} here and {known.kind} elsewhere")
        outer |= dict(zip(op.output_names, self.ops[index].outputs, strict=True))

    def _unique(self, name: str) -> str:
        unique, count = name, 1
        while unique in self.taken:
            unique, count = f"{name}_{count}", count + 1
        return unique


def _indices(function: RelaxFunction, where: str) -> tuple[int, ...]:
    try:
        found = json.loads(str(function.attrs[OPERATORS]))
    except ValueError as error:
        raise PlanError(f"{where}: not JSON: {error}") from error
    if not isinstance(found, list) or not all(isinstance(i, int) and i >= 0 for i in found):
        raise PlanError(f"{where}: not a list of indices")
    return tuple(found)


def _composites(function: RelaxFunction, where: str) -> list[Composite]:
    text = function.attrs.get(COMPOSITES)
    if text is None:
        return []
    try:
        found = json.loads(str(text))
        composites = [Composite(tuple(operators), *numbers) for operators, *numbers in found]
    except (TypeError, ValueError) as error:
        raise PlanError(f"{where}: not a list of composites: {error}") from error
    for c in composites:
        if not isinstance(c.keeps, bool) or not all(
            isinstance(n, int) and n >= 0 for n in (*c.operators, c.rows, c.columns)
        ):
            raise PlanError(f"{where}: not operators, rows, whether rows are kept, and columns")
    return composites
