"""TVM's TFLite converter, extended: more quantized operators, exact activations, bindings named after tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
from tvm import relax
from tvm.relax.frontend.tflite.tflite_frontend import OperatorConverter

from tvm_patch.integer import activation_range
from tvm_patch.tflite.model import Model, Operator, Tensor
from tvm_patch.tflite.operators import OPERATORS
from tvm_patch.tflite.reader import read_model
from tvm_patch.tvm_types import Expr


class Conversion:
    """One operator on its way to Relax, as the conversions of :mod:`tvm_patch.tflite.operators` see it.

    Attributes
    ----------
    relax : module
        ``tvm.relax``: those files import no TVM.
    op : Operator
        Of the canonical model.
    """

    relax = relax

    def __init__(self, converter: PatchOperatorConverter, op: Operator, flat: Any) -> None:
        self._converter, self._flat, self._model = converter, flat, converter.canonical
        self.op = op

    def stock(self) -> Expr:
        """Convert it as TVM's own frontend does."""
        return self._converter.stock_map[self.op.kind](op=self._flat)

    @property
    def options(self) -> dict[str, Any]:
        """The operator's options."""
        return self.op.options

    @property
    def output(self) -> Tensor:
        """What it makes, the first of several."""
        return self._model.tensors[self.op.outputs[0]]

    def tensor(self, position: int) -> Tensor:
        """Return an input."""
        return self._model.tensors[self.op.inputs[position]]

    def made_by(self, position: int) -> str | None:
        """Return the kind of the operator that makes an input, or None for an input of the network."""
        source = self.op.inputs[position]
        return next((o.kind for o in self._model.operators if source in o.outputs), None)

    def constant(self, position: int) -> np.ndarray:
        """Return the value of an input that must be known."""
        data = self.tensor(position).data
        assert data is not None, "checked before conversion"
        return data

    def ints(self, position: int) -> list[int]:
        """Return such an input as plain numbers."""
        return [int(v) for v in self.constant(position).reshape(-1)]

    def data(self, position: int = 0) -> Expr:
        """Return the expression of an input, as it is stored."""
        tensor, known = self.tensor(position), self._converter.exp_tab
        if known.has_expr(tensor.name):
            return known.get_expr(tensor.name)
        return relax.const(self.constant(position), tensor.dtype)

    def grid(self, position: int) -> tuple[Expr, Expr]:
        """Return scale and zero point of an input; 1 and 0 where the file gives none."""
        found = self._converter.get_input_tensors(self._flat)[position].qnn_params
        if not found:
            return relax.const(1.0, "float32"), relax.const(0, "int32")
        return found["scale"], found["zero_point"]

    def real(self, position: int = 0) -> Expr:
        """Return the expression of an input's real values."""
        source = self._converter.get_input_tensors(self._flat)[position]
        return self._converter.dequantize(self.data(position), source)

    def quantized(self, expr: Expr) -> Expr:
        """Return real values as the output stores them."""
        return self._converter.quantize(expr, self._converter.get_output_tensors(self._flat)[0])

    def bind(self, expr: Expr, name: str) -> Expr:
        """Return a variable for an expression that is used more than once."""
        return self._converter.bb.emit(expr, name)


class PatchOperatorConverter(OperatorConverter):
    """Converter of canonical models; hand it to ``from_tflite(model, op_converter=...)``.

    Converts operators as :mod:`tvm_patch.tflite.operators` says, and as the stock converter does where it says
    nothing; clamps fused activations exactly, and names every binding after the tensor it makes.

    Parameters
    ----------
    model, subgraph, exp_tab, ctx, conversion_state
        As for the stock class.
    canonical : Model, optional
        The model as plain data; read from `model`'s bytes when left out.
    """

    def __init__(
        self,
        model: Any,
        subgraph: Any,
        exp_tab: Any,
        ctx: Any,
        conversion_state: Any = None,
        canonical: Model | None = None,
    ) -> None:
        super().__init__(model, subgraph, exp_tab, ctx, conversion_state)
        self.canonical = canonical if canonical is not None else read_model(bytes(model._tab.Bytes))
        self.stock_map = dict(self.convert_map)
        # The stock class takes what is in its map for what there is.
        self._SUPPORTED_QUANTIZED_OPS = OperatorConverter._SUPPORTED_QUANTIZED_OPS | frozenset(OPERATORS)
        self.convert_map.update({kind: o.convert for kind, o in OPERATORS.items() if o.convert is not None})

    def convert_op_to_relax(self) -> None:
        """Convert all operators in order, binding each result under the name of the tensor it makes."""
        for index, operator in enumerate(self.canonical.operators):
            conversion = Conversion(self, operator, self.subgraph.Operators(index))
            convert = OPERATORS[operator.kind].convert
            result = convert(conversion) if convert is not None else conversion.stock()
            outputs = [self.canonical.tensors[i] for i in operator.outputs]
            if len(outputs) == 1:
                self.exp_tab.set_expr(outputs[0].name, self.bb.emit(result, outputs[0].name))
                continue
            whole = self.bb.emit(result, f"{outputs[0].name}_parts")
            for i, output in enumerate(outputs):
                self.exp_tab.set_expr(output.name, self.bb.emit(relax.TupleGetItem(whole, i), output.name))

    def convert_qnn_fused_activation_function(
        self, expr: Expr, fused_activation_fn: int, scale: float, zero_point: int, dtype: str
    ) -> Expr:
        """Clamp with TFLite's rounding of the bounds (the stock method rounds halves to even, in double)."""
        name = self.activation_fn_type[fused_activation_fn]
        if name == "NONE":
            return expr
        low, high = activation_range(name, scale, zero_point, dtype)
        return relax.op.clip(expr, low, high)
