"""Reading what :class:`relay_passes.patch_schedule.PatchSchedule` wrote: the network and its segments."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

import tvm
from tvm import relax

from relay_passes.operators import PlainFunction, PlainOp, PlainTensor, plain_function
from relay_passes.patch_schedule import BANDS, INPUT_MODE, OPERATORS, PATCH_ROWS, PLAN
from relay_passes.straight_line import MAIN, StraightLine
from tvm_patch.errors import PlanError
from tvm_patch.input_mode import INPUT_MODES, InputMode
from tvm_patch.lowering.op_view import BoundFunction, bind_plain
from tvm_patch.planner.plan import Plan
from tvm_patch.planner.segments import Segment
from tvm_patch.tvm_types import Call, Expr, RelaxFunction, Var


@dataclass(frozen=True)
class Scheduled:
    """A scheduled module, taken apart.

    Attributes
    ----------
    graph : BoundFunction
        Its operators, as before they were grouped.
    segments : tuple of Segment
        In run order.
    input_mode : {"resident", "rereadable", "streamed"}
    plan : Plan or None
        The whole plan, where the module carries it.
    """

    graph: BoundFunction
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
    plain, segments = reader.run()
    return Scheduled(bind_plain(plain), segments, mode, Plan.from_json(str(text)) if text else None)


class _Reader:
    def __init__(self, module: tvm.IRModule) -> None:
        self.module, self.line = module, StraightLine.main_of(module)
        self.ops: dict[int, PlainOp] = {}
        self.tensors: dict[str, PlainTensor] = {}
        self.names: dict[Var, str] = {p: str(p.name) for p in self.line.params}
        self.parts: dict[Var, tuple[str, ...]] = {}

    def run(self) -> tuple[PlainFunction, tuple[Segment, ...]]:
        for p in self.line.params:
            self.tensors[str(p.name)] = PlainTensor(tuple(int(d) for d in p.ty.shape), str(p.ty.dtype))
        segments = [
            self._segment(var, value) for var, value in self.line.bindings if isinstance(value, relax.Call)
        ]
        if sorted(self.ops) != list(range(len(self.ops))):
            raise PlanError(f"{OPERATORS}: some operator below {max(self.ops) + 1} is in no segment")
        inputs = tuple(str(p.name) for p in self.line.params)
        outputs = tuple(self._name(o) for o in self.line.outputs)
        ops = tuple(self.ops[i] for i in range(len(self.ops)))
        return PlainFunction(ops, inputs, outputs, self.tensors), tuple(segments)

    def _name(self, expr: Expr) -> str:
        source = self.line.resolve(expr)
        value = self.line.values.get(source)
        if isinstance(value, relax.TupleGetItem):
            return self.parts[self.line.resolve(value.tuple_value)][int(value.index)]
        return self.names[source]

    def _segment(self, var: Var, call: Call) -> Segment:
        if not isinstance(call.op, tvm.ir.GlobalVar) or OPERATORS not in (self.module[call.op].attrs or {}):
            raise PlanError(
                f"binding {var.name} of {MAIN} calls no segment; run PatchSchedule on a whole module"
            )
        function = self.module[call.op]
        where = f"{OPERATORS} of {call.op.name_hint}"
        plain = plain_function(function)
        indices = _indices(function, where)
        if len(indices) != len(plain.ops):
            raise PlanError(f"{where}: {len(indices)} indices, but {len(plain.ops)} operators")
        rename = {inner: self._name(outer) for inner, outer in zip(plain.inputs, call.args, strict=True)}
        for index, op in zip(indices, plain.ops, strict=True):
            self._add(index, op, rename, plain.tensors, where)
        results = tuple(rename[t] for t in plain.outputs)
        self.parts[var] = results
        self.names[var] = results[0]
        attrs = function.attrs
        return Segment(indices, int(attrs.get(BANDS, 1)), int(attrs.get(PATCH_ROWS, 0)))

    def _add(
        self, index: int, op: PlainOp, rename: dict[str, str], tensors: Mapping[str, PlainTensor], where: str
    ) -> None:
        """Add an operator under its own names; one that runs a second time is what it was the first time."""
        inputs = tuple(rename[t] for t in op.inputs)
        known = self.ops.get(index)
        if known is None:
            outputs = tuple(self._unique(t) for t in op.outputs)
            self.ops[index] = replace(op, inputs=inputs, outputs=outputs)
            self.tensors |= {new: tensors[old] for new, old in zip(outputs, op.outputs, strict=True)}
        elif (known.kind, known.inputs) != (op.kind, inputs):
            raise PlanError(f"{where}: operator {index} is {op.kind} here and {known.kind} elsewhere")
        rename |= dict(zip(op.outputs, self.ops[index].outputs, strict=True))

    def _unique(self, name: str) -> str:
        unique, count = name, 1
        while unique in self.tensors:
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
