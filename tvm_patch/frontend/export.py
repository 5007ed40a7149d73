"""export_model: a QDQ module back to a TFLite model, the way :func:`tvm_patch.frontend.import_tflite` came.

Recognition is the legalizer's: what one of its rules takes for an operator is written as that operator
(:mod:`tvm_patch.frontend.export_rules`), so the two cannot differ about what a piece of QDQ means.
"""

from __future__ import annotations

import math
from typing import Any

from tvm import relax

from relay_passes.constants import ConstantFolder
from relay_passes.dialect import op_def
from relay_passes.interface import Port, ports_of
from relay_passes.island import Island
from relay_passes.legalize import RULES
from relay_passes.legalize.direct import DIRECT, pool
from relay_passes.legalize.movement import MOVEMENT
from relay_passes.straight_line import StraightLine, dtype_of, is_constant, op_name, operands
from tvm_patch.errors import UnsupportedError
from tvm_patch.frontend.export_rules import MOVES, WRITERS, Found
from tvm_patch.integer import activation_range
from tvm_patch.tflite.builder import ModelBuilder
from tvm_patch.tflite.model import Model, quoted

Expr = Any
Var = Any

_FLOAT_CLAMPS = {(0.0, math.inf): "RELU", (0.0, 6.0): "RELU6", (-1.0, 1.0): "RELU_N1_TO_1"}
_WAY_OUT = "make the edits in the framework that the network comes from"


def export_model(module: Any, name: str = "main", description: str = "") -> Model:
    """Return ``main`` of a QDQ module as a TFLite model.

    Parameters
    ----------
    module : tvm.IRModule
        As imported from TFLite, after any pass that keeps the QDQ form.
    name, description : str
        Of the model.

    Returns
    -------
    Model
        Tensors are named after bindings, inputs and outputs as in the file that the module came from.

    Raises
    ------
    UnsupportedError
        For what is no operator of TFLite, or one that cannot be written; it names operator and tensor.
    """
    return _Exporter(StraightLine.main_of(module), ModelBuilder(name, description)).run()


class _Exporter:
    def __init__(self, line: StraightLine, builder: ModelBuilder) -> None:
        self.line, self.builder = line, builder
        self.folder = ConstantFolder(line, line.resolve)
        self.consumers = line.consumers()
        self.places: dict[Var, int] = {}
        self.parts: dict[Var, list[int]] = {}
        self.outputs = [line.resolve(o) for o in line.outputs]
        self.names: dict[Var, str] = {}

    def run(self) -> Model:
        inputs, outputs = ports_of(self.line)
        for param, port in zip(self.line.params, inputs, strict=True):
            self.places[param] = self._input(port)
        for out, port in zip(self.outputs, outputs, strict=True):
            self.names[out] = port.tflite_name or port.name
        live = self._live()
        for var, value in self.line.bindings:
            if var in live and self.line.resolve(var) == var and var not in self.places:
                try:
                    self._visit(var, value)
                except UnsupportedError as error:
                    raise error if error.where else error.at(self._where(var)) from error
        for out in self.outputs:
            self.builder.output(self._index(out))
        return self.builder.finish()

    def _input(self, port: Port) -> int:
        name = port.tflite_name or port.name
        return self.builder.input(name, port.shape, port.scale, port.zero_point, port.dtype)

    def _live(self) -> set[Var]:
        live = set(self.outputs)
        for var, value in reversed(self.line.bindings):
            if var in live:
                for operand in operands(value):
                    live.update(
                        {operand, self.line.resolve(operand)} if isinstance(operand, relax.Var) else ()
                    )
        return live

    def _where(self, var: Var) -> str:
        return (
            f"{op_name(self.line.values[var]).removeprefix('relax.')} making tensor {quoted(str(var.name))}"
        )

    def _refusal(self, var: Var, what: str = "") -> UnsupportedError:
        kind = what or op_name(self.line.values[var]).removeprefix("relax.") or "value"
        return UnsupportedError(
            f"{kind} cannot be written to a .tflite", f"tensor {quoted(str(var.name))}", _WAY_OUT
        )

    # ------------------------------------------------------------------ bindings

    def _visit(self, var: Var, value: Expr) -> None:
        if self.folder.value(var) is not None:
            return
        if isinstance(value, relax.TupleGetItem):
            self.places[var] = self.parts[self.line.resolve(value.tuple_value)][int(value.index)]
            return
        kind = op_name(value)
        if dtype_of(var) == "float32":
            if var in self.outputs:
                self._float_output(var, value)
            return
        if kind == "relax.quantize":
            self._quantize(var, value)
        elif kind in MOVES:
            self._move(var, value)
        elif kind in MOVEMENT:
            raise self._refusal(var)
        elif kind in DIRECT:
            self._direct(var, DIRECT[kind](value, self.line.resolve(value.args[0])))
        elif kind == "relax.astype":
            self._astype(var, value)
        elif kind == "relax.clip":
            raise self._refusal(var, "a clamp of integers on its own")
        elif kind != "relax.nn.avg_pool2d" and not isinstance(value, relax.Tuple):
            raise self._refusal(var)

    def _float_output(self, var: Var, value: Expr) -> None:
        if op_name(value) != "relax.dequantize":
            raise self._refusal(var, f"{op_name(value).removeprefix('relax.')} of floats")
        self.places[var] = self.builder.dequantize(self._index(value.args[0]), name=self._name(var))

    def _quantize(self, var: Var, value: Expr) -> None:
        island = Island(str(var.name), value, self.folder)
        last, activation = self._fused(var, island.out.scale, island.out.zero_point, island.out.dtype)
        if island.body in self.line.params:  # from float: no rule's business, it only happens at the border
            place = self.builder.quantize(
                self.places[island.body], island.out.scale, island.out.zero_point, dtype=island.out.dtype,
                name=self._name(last),
            )  # fmt: skip
        else:
            place = self._written(last, island, activation)
        self.places[var] = self.places[last] = place

    def _written(self, var: Var, island: Island, activation: str) -> int:
        for rule in RULES.get(op_name(island.body), ()):
            made = rule(island)
            if made is None:
                continue
            if op_name(made) == "":  # a quantize that changes nothing
                return self._index(made)
            definition = op_def(made)
            if island.has_clip and definition is not None and "act_min" in definition.attributes:
                # Behind a sum or product of tensors the frontend writes the activation in float.
                fused = _FLOAT_CLAMPS.get(island.clip_range)
                if fused is None or activation != "NONE":
                    raise self._refusal(var, f"a fused clamp to {island.clip_range}")
                activation = fused
            found = Found(self.builder, made, island, self._name(var), activation, self._index)
            return self._write(var, found)
        raise self._refusal(var, op_name(island.body).removeprefix("relax."))

    def _write(self, var: Var, found: Found) -> int:
        kind = found.kind
        if kind not in WRITERS:
            raise self._refusal(var, kind)
        place = WRITERS[kind](found)
        if place is None:
            raise self._refusal(var, f"this form of {kind}")
        return place

    def _move(self, var: Var, value: Expr) -> None:
        made = MOVES[op_name(value)](self.builder, value, self._sources(value), self._name(var))
        if isinstance(made, list):
            self.parts[var] = made
        else:
            self.places[var] = made

    def _sources(self, value: Expr) -> list[int]:
        fields = value.args[0]
        if op_name(value) == "relax.concat":
            fields = fields if isinstance(fields, relax.Tuple) else self.line.definition(fields)
            return [self._index(f) for f in fields.fields]
        return [self._index(fields)]

    def _direct(self, var: Var, made: Expr | None) -> None:
        """Write an operator on integers: it has no island, and its output the grid of its input."""
        if made is None:
            raise self._refusal(var)
        activation, last = "NONE", var
        data = self._index(made.args[0])
        if self.builder.dtype(data) == "int8":
            last, activation = self._fused(var, *self.builder.quantization(data), "int8")
        found = Found(self.builder, made, None, self._name(last), activation, self._index)
        self.places[var] = self.places[last] = self._write(var, found)

    def _astype(self, var: Var, value: Expr) -> None:
        inner = self.line.definition(value.args[0])
        if op_name(inner) == "relax.nn.avg_pool2d":
            widened = self.line.definition(inner.args[0])
            if op_name(widened) == "relax.astype":
                self._direct(var, pool("avg_pool2d", inner, self.line.resolve(widened.args[0])))
                return
        widening = dtype_of(var) == "int32" and any(
            op_name(self.line.values[r]) == "relax.nn.avg_pool2d" for r in self.consumers.get(var, ())
        )
        if not widening:
            raise self._refusal(var)

    def _fused(self, var: Var, scale: float, zero_point: int, dtype: str) -> tuple[Var, str]:
        """Return the tensor that the operator behind `var` makes in the file, and its fused activation."""
        readers = self.consumers.get(var, [])
        if len(readers) != 1 or var in self.outputs or op_name(self.line.values[readers[0]]) != "relax.clip":
            return var, "NONE"
        clip = self.line.values[readers[0]]
        bounds = (int(clip.args[1].value), int(clip.args[2].value))
        for activation in ("RELU6", "RELU", "RELU_N1_TO_1"):
            if activation_range(activation, scale, zero_point, dtype) == bounds:
                return readers[0], activation
        raise self._refusal(readers[0], f"a fused clamp to {bounds}")

    # ------------------------------------------------------------------ tensors

    def _name(self, var: Var) -> str:
        return self.names.get(var, str(var.name))

    def _index(self, expr: Expr) -> int:
        source = self.line.resolve(expr)
        if source not in self.places:
            what = "a constant" if is_constant(source) or self.folder.value(source) is not None else "a float"
            raise UnsupportedError(f"it reads {what} that TFLite cannot give it", way_out=_WAY_OUT)
        return self.places[source]
