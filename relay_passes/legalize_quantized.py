"""LegalizeQuantized: islands of dequantize → float operators → quantize become operators of the integer dialect."""

from __future__ import annotations

import tvm
from tvm import relax

from relay_passes.constants import ConstantFolder
from relay_passes.dialect import build_call, op_def
from relay_passes.dialect.lookup import lookup_call
from relay_passes.dialect.movement import MOVEMENT, moved, sources
from relay_passes.dialect.pooling import pool
from relay_passes.dialect.rules import DIRECT, RULES
from relay_passes.interface import GRIDS, dump_grids, ports_of, record
from relay_passes.island import Island
from relay_passes.straight_line import (
    FunctionBuilder,
    StraightLine,
    constant,
    dtype_of,
    is_constant,
    op_name,
    operands,
    replace_main,
    with_operands,
)
from tvm_patch.errors import UnsupportedError
from tvm_patch.integer.tables import input_values
from tvm_patch.tvm_types import Expr, IRModule, PassContext, RelaxFunction

# Attributes of stock imports that hold whole arrays and mean nothing after legalization.
_STOCK_ATTRS = ("params", "num_input", "global_symbol")
_FLOATS = ("float32", "float16", "float64")


@tvm.ir.transform.module_pass(opt_level=0, name="LegalizeQuantized")
class LegalizeQuantized:
    """Turn quantized islands of ``main`` into the integer dialect.

    Works on modules from :func:`tvm_patch.frontend.import_tflite` and from stock ``from_tflite``.  Afterwards no
    stock quantize or dequantize is left; float borders are dialect ``quantize``/``dequantize``.  The function has
    the attributes ``tvm_patch.inputs`` and ``tvm_patch.outputs`` (:mod:`relay_passes.interface`).

    Raises
    ------
    UnsupportedError
        When something has no exact integer form; it names the binding.
    """

    def transform_module(self, module: IRModule, context: PassContext) -> IRModule:
        """Return the legalized module."""
        return replace_main(module, _Legalizer(StraightLine.main_of(module)).run())


class _Legalizer:
    """One run over one function: visits integer bindings in order, float ones only when somebody needs them."""

    def __init__(self, line: StraightLine) -> None:
        self.line = line
        self.folder = ConstantFolder(line, self.integer)
        attrs = {k: v for k, v in line.attrs.items() if k not in _STOCK_ATTRS}
        inputs, outputs = ports_of(line)
        self.out = FunctionBuilder(line.params, record(attrs, inputs, outputs))
        self.consumers = line.consumers()
        self.results = set(line.outputs)
        self.new: dict[Expr, Expr] = {p: p for p in line.params}
        self.calls: dict[Expr, Expr] = {}
        # Scale and zero point of tensors in the new function.
        self.grids: dict[Expr, tuple[float, int]] = {
            p: (port.scale, port.zero_point)
            for p, port in zip(line.params, inputs, strict=True)
            if port.scale
        }

    def run(self) -> RelaxFunction:
        live = self._live()
        for var, value in self.line.bindings:
            if var in live and dtype_of(value) not in _FLOATS:
                try:
                    self._visit(var, value)
                except UnsupportedError as error:
                    # What computes attributes from scales does not know for whom.
                    raise error if error.where else error.at(f"binding {var.name}") from error
        outputs = [self.any(o) for o in self.line.outputs]
        function = self.out.finish(outputs, self.line.returns_tuple)
        # Some grids belong to calls that a fused activation replaced.
        left = {var.name for block in function.body.blocks for var in (b.var for b in block.bindings)}
        grids = {var.name: grid for var, grid in self.grids.items() if var.name in left}
        return function.with_attr(GRIDS, dump_grids(grids))

    def _live(self) -> set[Expr]:
        live = set(self.line.outputs)
        for var, value in reversed(self.line.bindings):
            if var in live:
                live.update(o for o in operands(value) if isinstance(o, relax.Var))
                live.update(r for o in operands(value) if isinstance(r := self.line.resolve(o), relax.Var))
        return live

    # ------------------------------------------------------------------ expressions in the new function

    def any(self, expr: Expr) -> Expr:
        """Return the new expression for an integer or float one."""
        return self.float(expr) if dtype_of(self.line.resolve(expr)) in _FLOATS else self.integer(expr)

    def integer(self, expr: Expr) -> Expr:
        """Return the new expression for an integer tensor of the old function."""
        source = self.line.resolve(expr)
        if is_constant(source) or not isinstance(source, relax.Var):
            return source
        if source not in self.new:
            value = self.folder.value(source)
            if value is None:
                raise self._refusal(source, self.line.values.get(source))
            self.new[source] = constant(value)
        return self.new[source]

    def float(self, expr: Expr) -> Expr:
        """Return the new expression for a float tensor at the border: a dequantize, or movement of one."""
        source = self.line.resolve(expr)
        if is_constant(source) or source in self.new:
            return self.new.get(source, source)
        call = self.line.values[source]
        made: Expr
        if isinstance(call, relax.TupleGetItem):
            made = relax.TupleGetItem(self.float(call.tuple_value), call.index)
        elif op_name(call) == "relax.dequantize":
            params = self.folder.params_of(call)
            if params is None:
                raise self._refusal(source, call)
            data = self.integer(call.args[0])
            made = build_call("dequantize", [data], scale=params.scale, zero_point=params.zero_point)
        elif op_name(call) in MOVEMENT:
            made = moved(call, [self.float(s) for s in sources(call, self.line.definition)])
        else:
            raise self._refusal(source, call)
        return self._emit(source, made)

    def _emit_same_grid(self, var: Expr, value: Expr, source: Expr) -> None:
        """Bind `value`, whose numbers mean what those of `source` mean."""
        made = self._emit(var, value)
        if source in self.grids:
            self.grids.setdefault(made, self.grids[source])

    def _emit(self, var: Expr, value: Expr) -> Expr:
        if isinstance(value, relax.Var) or is_constant(value):
            self.new[var] = value
            return value
        made = self.out.emit(value, var.name, var in self.results)
        self.new[var], self.calls[made] = made, value
        return made

    def _refusal(self, var: Expr, call: Expr) -> UnsupportedError:
        name = op_name(call).removeprefix("relax.") or "value"
        return UnsupportedError(
            f"{name} has no exact integer form here",
            f"binding {var.name}",
            "quantize the whole network to int8, and keep float operators out of it",
        )

    # ------------------------------------------------------------------ integer bindings

    def _visit(self, var: Expr, value: Expr) -> None:
        if isinstance(value, relax.Var | relax.Tuple) or is_constant(value):
            return  # an alias or a tuple: looked through by `resolve`
        if isinstance(value, relax.TupleGetItem):
            whole = self.new[self.line.resolve(value.tuple_value)]
            self._emit_same_grid(var, relax.TupleGetItem(whole, value.index), whole)
            return
        kind = op_name(value)
        if self.folder.value(var) is not None:
            return
        if kind == "relax.quantize":
            self._quantize(var, value)
        elif kind in MOVEMENT:
            self._visit_movement(var, value)
        elif kind in DIRECT:
            self._direct(var, value)
        elif kind == "relax.clip":
            self._clip(var, value)
        elif kind in ("relax.maximum", "relax.minimum"):
            self._emit(var, build_call(kind.removeprefix("relax."), [self.integer(a) for a in value.args]))
        elif kind == "relax.astype":
            self._astype(var, value)
        elif op_def(value) is not None:
            self._emit(var, with_operands(value, self.any))
        elif kind != "relax.nn.avg_pool2d":  # int32 in the middle of an average pool: see _astype
            raise self._refusal(var, value)

    def _quantize(self, var: Expr, value: Expr) -> None:
        island = Island(self._display_name(var), value, self.folder)
        made = self._emit(var, self._island(var, value, island))
        if isinstance(made, relax.Var):
            self.grids[made] = (island.out.scale, island.out.zero_point)

    def _display_name(self, var: Expr) -> str:
        """Return the name people know: a fused activation behind a quantize carries it."""
        readers = self.consumers.get(var, [])
        if len(readers) == 1 and op_name(self.line.values[readers[0]]) == "relax.clip":
            return str(readers[0].name)
        return str(var.name)

    def _island(self, var: Expr, quantize: Expr, island: Island) -> Expr:
        for rule in RULES.get(op_name(island.body), ()):
            made = rule(island)
            if made is not None:
                return made
        source = self.line.definition(quantize.args[0])
        if island.has_clip or not self._from_float_input(source):
            raise self._refusal(var, island.body)
        return build_call(
            "quantize",
            [self.float(quantize.args[0])],
            scale=island.out.scale,
            zero_point=island.out.zero_point,
            dtype=island.out.dtype,
        )

    def _from_float_input(self, expr: Expr) -> bool:
        if isinstance(expr, relax.TupleGetItem):
            expr = self.line.definition(expr.tuple_value)
        if op_name(expr) in MOVEMENT:
            moving = sources(expr, self.line.definition)
            return all(self._from_float_input(self.line.definition(s)) for s in moving)
        return expr in self.line.params

    def _visit_movement(self, var: Expr, call: Expr) -> None:
        data = [self.integer(s) for s in sources(call, self.line.definition)]
        self._emit_same_grid(var, moved(call, data), data[0])

    def _direct(self, var: Expr, call: Expr) -> None:
        data = self.integer(call.args[0])
        made = DIRECT[op_name(call)](call, data)
        if made is None:
            raise self._refusal(var, call)
        self._emit_same_grid(var, made, data)

    def _astype(self, var: Expr, call: Expr) -> None:
        """Handle the casts that the frontend writes: around an average pool, and after argmax."""
        inner = self.line.definition(call.args[0])
        if op_name(inner) == "relax.nn.avg_pool2d":
            widened = self.line.definition(inner.args[0])
            if op_name(widened) == "relax.astype" and dtype_of(widened.args[0]) == dtype_of(call) == "int8":
                made = pool("avg_pool2d", inner, self.integer(widened.args[0]))
                if made is not None:
                    self._emit_same_grid(var, made, made.args[0])
                    return
        elif op_name(inner) == "relax.argmax" and dtype_of(call) == "int32":
            made = DIRECT["relax.argmax"](inner, self.integer(inner.args[0]))
            if made is not None:
                self._emit(var, build_call("arg_max", made.args, axis=made.attrs["axis"], dtype="int32"))
                return
        elif dtype_of(call) == "int32" and any(
            op_name(self.line.values[r]) == "relax.nn.avg_pool2d" for r in self.consumers.get(var, ())
        ):
            return  # the widening in front of an average pool: handled with the narrowing behind it
        raise self._refusal(var, call)

    def _clip(self, var: Expr, call: Expr) -> None:
        """Merge a clamp of integers into the operator that made them (a fused activation)."""
        data = self.integer(call.args[0])
        low, high = int(call.args[1].value), int(call.args[2].value)
        source = self.line.resolve(call.args[0])
        made: Expr = self.calls.get(data)
        alone = self.consumers.get(source) == [var] and source not in self.results
        definition = op_def(made)
        if alone and definition is not None and "act_min" in definition.attributes:
            attrs = {name: made.attrs[name] for name in definition.attributes}
            # The new clamp acts on what the old one left.
            attrs["act_min"], attrs["act_max"] = (
                min(max(int(attrs[bound]), low), high) for bound in ("act_min", "act_max")
            )
            self._emit_same_grid(var, build_call(definition.name, made.args, **attrs), data)
            return
        values = input_values(dtype_of(data))
        table = values.clip(low, high).astype(dtype_of(data))
        clamped = data if (table == values).all() else lookup_call(data, table, "clip")
        self._emit_same_grid(var, clamped, data)
