"""TVM's TFLite converter, extended: more quantized operators, exact activations, bindings named after tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
from tvm import relax
from tvm.relax.frontend.tflite.tflite_frontend import OperatorConverter

from tvm_patch.errors import UnsupportedError
from tvm_patch.frontend.names import words
from tvm_patch.integer import activation_range
from tvm_patch.tflite.model import Model, Operator, Tensor
from tvm_patch.tflite.reader import read_model
from tvm_patch.tvm_types import Expr

# Quantized operators that the stock converter refuses, and that are converted here.
_MORE_QUANTIZED = words(
    "PAD PADV2 TRANSPOSE RESIZE_NEAREST_NEIGHBOR GATHER TILE PRELU ARG_MAX SPLIT_V STRIDED_SLICE"
)


class PatchOperatorConverter(OperatorConverter):
    """Converter of canonical models; hand it to ``from_tflite(model, op_converter=...)``.

    Adds to the stock converter the quantized operators it refuses, as movement of integers where they only move
    data; keeps softmax's beta, the activation of TRANSPOSE_CONV and the exact clamps of fused activations; and
    names every binding after the tensor it makes.

    Parameters
    ----------
    model, subgraph, exp_tab, ctx, conversion_state
        As for the stock class.
    canonical : Model, optional
        The model as plain data; read from `model`'s bytes when left out.
    """

    _SUPPORTED_QUANTIZED_OPS = OperatorConverter._SUPPORTED_QUANTIZED_OPS | _MORE_QUANTIZED

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
        self._canonical = canonical if canonical is not None else read_model(bytes(model._tab.Bytes))
        self._operator: Operator = (
            self._canonical.operators[0] if self._canonical.operators else Operator("", (), ())
        )
        self.convert_map.update(
            {
                "ARG_MAX": self._arg_max,
                "CONCATENATION": self._concatenation,
                "GATHER": self._gather,
                "MAXIMUM": self._maximum,
                "MINIMUM": self._minimum,
                "PRELU": self._prelu,
                "QUANTIZE": self._quantize,
                "REDUCE_MAX": self._reduce_max,
                "RESHAPE": self._reshape,
                "SOFTMAX": self._softmax,
                "SPLIT_V": self._split,
                "STRIDED_SLICE": self._strided_slice,
                "TILE": self._tile,
                "TRANSPOSE": self._transpose,
                "TRANSPOSE_CONV": self._transpose_conv,
            }
        )

    # ------------------------------------------------------------------ overrides of the machinery

    def convert_op_to_relax(self) -> None:
        """Convert all operators in order, binding each result under the name of the tensor it makes."""
        for index, operator in enumerate(self._canonical.operators):
            self._operator = operator
            result = self.convert_map[operator.kind](op=self.subgraph.Operators(index))
            outputs = [self._canonical.tensors[i] for i in operator.outputs]
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

    # ------------------------------------------------------------------ operators

    def _tensor(self, position: int) -> Tensor:
        return self._canonical.tensors[self._operator.inputs[position]]

    def _data(self, position: int = 0) -> Expr:
        tensor = self._tensor(position)
        if self.exp_tab.has_expr(tensor.name):
            return self.exp_tab.get_expr(tensor.name)
        return relax.const(self._constant(position), tensor.dtype)

    def _constant(self, position: int) -> np.ndarray:
        data = self._tensor(position).data
        assert data is not None, "checked before conversion"
        return data

    def _ints(self, position: int) -> list[int]:
        return [int(v) for v in self._constant(position).reshape(-1)]

    def _output(self) -> Tensor:
        return self._canonical.tensors[self._operator.outputs[0]]

    def _reshape(self, op: Any) -> Expr:
        return relax.op.reshape(self._data(), list(self._output().shape))

    def _transpose(self, op: Any) -> Expr:
        return relax.op.permute_dims(self._data(), self._ints(1))

    def _tile(self, op: Any) -> Expr:
        return relax.op.tile(self._data(), self._ints(1))

    def _gather(self, op: Any) -> Expr:
        # Not the stock method: it walks over every element of the output in Python.
        indices = relax.const(self._constant(1), self._tensor(1).dtype)
        return relax.op.take(self._data(), indices, axis=self._operator.options["axis"])

    def _concatenation(self, op: Any) -> Expr:
        parts = [self._data(i) for i in range(len(self._operator.inputs))]
        return relax.op.concat(parts, axis=self._operator.options["axis"])

    def _split(self, op: Any) -> Expr:
        starts = [int(v) for v in np.cumsum(self._ints(1))[:-1]]
        return relax.op.split(self._data(), starts, axis=self._ints(2)[0])

    def _strided_slice(self, op: Any) -> Expr:
        begin, end, strides = (self._ints(p) for p in (1, 2, 3))
        return relax.op.strided_slice(self._data(), list(range(len(begin))), begin, end, strides)

    def _arg_max(self, op: Any) -> Expr:
        result = relax.op.argmax(self._data(), axis=self._ints(1)[0], keepdims=False)
        return result if self._output().dtype == "int64" else relax.op.astype(result, self._output().dtype)

    def _maximum(self, op: Any) -> Expr:
        return relax.op.maximum(self._data(0), self._data(1))

    def _minimum(self, op: Any) -> Expr:
        return relax.op.minimum(self._data(0), self._data(1))

    def _reduce_max(self, op: Any) -> Expr:
        return relax.op.max(self._data(), self._ints(1), bool(self._operator.options["keep_dims"]))

    def _quantize(self, op: Any) -> Expr:
        """Convert QUANTIZE; behind a DEQUANTIZE it rounds in float, which a factor of 1 says in QDQ form."""
        result = self.convert_quantize(op)
        source = self._operator.inputs[0]
        made_by = next((o for o in self._canonical.operators if source in o.outputs), None)
        if made_by is None or made_by.kind != "DEQUANTIZE":
            return result
        target = self.get_output_tensors(op)[0]
        return self.quantize(relax.op.multiply(self._data(), relax.const(1.0, "float32")), target)

    def _softmax(self, op: Any) -> Expr:
        source, target = self.get_input_tensors(op)[0], self.get_output_tensors(op)[0]
        data = self.dequantize(self._data(), source)
        beta = float(self._operator.options["beta"])
        if beta != 1.0:
            data = relax.op.multiply(data, relax.const(beta, "float32"))
        return self.quantize(relax.op.nn.softmax(data, axis=-1), target)

    def _prelu(self, op: Any) -> Expr:
        source, slope = self.get_input_tensors(op)
        target = self.get_output_tensors(op)[0]
        # Stock nn.prelu takes one slope a channel only; this form broadcasts any alpha.
        data = self.bb.emit(self.dequantize(self._data(), source), f"{self._output().name}_real")
        below = relax.op.minimum(data, relax.const(0.0, "float32"))
        negative = relax.op.multiply(self.dequantize(self._data(1), slope), below)
        return self.quantize(relax.op.add(relax.op.nn.relu(data), negative), target)

    def _transpose_conv(self, op: Any) -> Expr:
        # Not the stock method: it drops the fused activation, and gives a smaller output than the model has where
        # strides do not reach the last rows.
        weight, source = self.get_input_tensors(op)[1:3]
        target = self.get_output_tensors(op)[0]
        options, output, kernel = self._operator.options, self._output(), self._tensor(1).shape[1:3]
        strides = [options["stride_h"], options["stride_w"]]
        before, after, extra = zip(
            *(self._spread(axis, kernel[axis], strides[axis]) for axis in (0, 1)), strict=True
        )
        real = relax.op.nn.conv2d_transpose(
            self.dequantize(self._data(2), source),
            relax.op.dequantize(
                relax.const(self._constant(1).transpose(3, 0, 1, 2), "int8"),
                weight.qnn_params["scale"],
                weight.qnn_params["zero_point"],
                axis=1,
            ),
            strides=strides,
            padding=[*before, *after],
            output_padding=list(extra),
            data_layout="NHWC",
            kernel_layout="IOHW",
        )
        if len(self._operator.inputs) > 3:
            bias = self.get_input_tensors(op)[3]
            grid = bias.qnn_params or {
                "scale": relax.const(1.0, "float32"),
                "zero_point": relax.const(0, "int32"),
            }
            literal = relax.const(self._constant(3), "int32")
            real = relax.op.add(real, relax.op.dequantize(literal, grid["scale"], grid["zero_point"], axis=0))
        result = self.quantize(real, target)
        activation = options.get("fused_activation_function", "NONE")
        if activation == "NONE":
            return result
        assert output.quantization is not None, "checked before conversion"
        scale, zero_point = float(output.quantization.scale[0]), int(output.quantization.zero_point[0])
        return relax.op.clip(result, *activation_range(activation, scale, zero_point, output.dtype))

    def _spread(self, axis: int, kernel: int, stride: int) -> tuple[int, int, int]:
        """Return padding before and after, and rows that no element of the input reaches, of TRANSPOSE_CONV."""
        data, size = self._tensor(2).shape[axis + 1], self._output().shape[axis + 1]
        total = 0
        if self._operator.options["padding"] == "SAME":
            total = max(0, (-(-size // stride) - 1) * stride + kernel - size)
        extra = size - ((data - 1) * stride + kernel - total)
        if not 0 <= extra < stride:
            raise UnsupportedError(
                f"an output of {size} from {data} elements with kernel {kernel} and stride {stride}",
                self._operator.where,
                "give it the output shape that its padding implies",
            )
        return total // 2, total - total // 2, extra
