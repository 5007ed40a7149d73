"""Write a :class:`~tvm_patch.tflite.model.Model` as a TFLite file that LiteRT loads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import flatbuffers
import numpy as np
import tflite

from tvm_patch.errors import UnsupportedError
from tvm_patch.tflite.model import Model, Operator, Quantization, Tensor
from tvm_patch.tflite.operators import OPERATORS
from tvm_patch.tflite.schema import (
    DTYPES,
    IDENTIFIER,
    OPERATOR_CODES,
    PLACEHOLDER_CODE,
    OptionField,
)

_CONTENTS_ALIGNMENT = 16  # the schema demands it of constants


def write_model(model: Model) -> bytes:
    """Write `model` as a TFLite file.

    Parameters
    ----------
    model : Model
        A network; ``read_model(write_model(model)) == model`` for all that pass the reader's checks.

    Returns
    -------
    bytes
        The file: one subgraph, no metadata, operator codes in the old and the new field, versions for int8.

    Raises
    ------
    UnsupportedError
        An operator kind or dtype that the schema does not have.
    """
    return _Writer(model).file()


class _Writer:
    """One model on its way to bytes.  Flatbuffers grow from the leaves: children first, parents after."""

    def __init__(self, model: Model) -> None:
        self.model = model
        constants = sum(tensor.data.nbytes for tensor in model.tensors if tensor.data is not None)
        self.builder = flatbuffers.Builder(constants + (1 << 16))
        self.buffers: list[int] = []
        self.codes: dict[tuple[str, str], int] = {}

    def file(self) -> bytes:
        model, builder = self.model, self.builder
        self._buffer(None)  # buffer 0 means "no contents", so every file starts with an empty one
        tensors = [self._tensor(tensor) for tensor in model.tensors]
        operators = [self._operator(operator) for operator in model.operators]
        tensor_list = self._tables(tflite.SubGraphStartTensorsVector, tensors)
        operator_list = self._tables(tflite.SubGraphStartOperatorsVector, operators)
        inputs = self._int32s(model.inputs)
        outputs = self._int32s(model.outputs)
        name = builder.CreateString(model.name) if model.name else 0
        tflite.SubGraphStart(builder)
        tflite.SubGraphAddTensors(builder, tensor_list)
        tflite.SubGraphAddInputs(builder, inputs)
        tflite.SubGraphAddOutputs(builder, outputs)
        tflite.SubGraphAddOperators(builder, operator_list)
        tflite.SubGraphAddName(builder, name)
        graph = tflite.SubGraphEnd(builder)

        code_list = self._tables(
            tflite.ModelStartOperatorCodesVector, [self._code(*key) for key in self.codes]
        )
        graph_list = self._tables(tflite.ModelStartSubgraphsVector, [graph])
        buffer_list = self._tables(tflite.ModelStartBuffersVector, self.buffers)
        description = builder.CreateString(model.description) if model.description else 0
        tflite.ModelStart(builder)
        tflite.ModelAddVersion(builder, model.version)
        tflite.ModelAddOperatorCodes(builder, code_list)
        tflite.ModelAddSubgraphs(builder, graph_list)
        tflite.ModelAddDescription(builder, description)
        tflite.ModelAddBuffers(builder, buffer_list)
        builder.Finish(tflite.ModelEnd(builder), IDENTIFIER)
        return bytes(builder.Output())

    def _tables(self, start: Callable[[Any, int], Any], offsets: Sequence[int]) -> int:
        """Write a vector of tables already written."""
        start(self.builder, len(offsets))
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return int(self.builder.EndVector())

    def _int32s(self, values: Sequence[int]) -> int:
        """Write a vector of int32; an empty one too, since readers may expect it to be there."""
        self.builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            self.builder.PrependInt32(value)
        return int(self.builder.EndVector())

    def _buffer(self, contents: bytes | None) -> int:
        """Write a buffer and return its index."""
        builder, data = self.builder, 0
        if contents:
            builder.StartVector(1, len(contents), _CONTENTS_ALIGNMENT)
            # Byte by byte, as the builder would, takes minutes for a megabyte of weights.
            builder.head = builder.head - len(contents)
            builder.Bytes[builder.head : builder.head + len(contents)] = contents
            data = builder.EndVector()
        tflite.BufferStart(builder)
        tflite.BufferAddData(builder, data)
        self.buffers.append(tflite.BufferEnd(builder))
        return len(self.buffers) - 1

    def _quantization(self, quantization: Quantization | None) -> int:
        if quantization is None:
            return 0
        builder = self.builder
        scale = builder.CreateNumpyVector(np.ascontiguousarray(quantization.scale, np.float32))
        zero_point = builder.CreateNumpyVector(np.ascontiguousarray(quantization.zero_point, np.int64))
        tflite.QuantizationParametersStart(builder)
        tflite.QuantizationParametersAddScale(builder, scale)
        tflite.QuantizationParametersAddZeroPoint(builder, zero_point)
        tflite.QuantizationParametersAddQuantizedDimension(builder, quantization.axis)
        return int(tflite.QuantizationParametersEnd(builder))

    def _tensor(self, tensor: Tensor) -> int:
        if tensor.dtype not in DTYPES:
            raise UnsupportedError(f"TFLite has no type {tensor.dtype}", f"tensor {tensor.name}")
        builder = self.builder
        buffer = 0 if tensor.data is None else self._buffer(np.ascontiguousarray(tensor.data).tobytes())
        quantization = self._quantization(tensor.quantization)
        name = builder.CreateString(tensor.name)
        shape = self._int32s(tensor.shape)
        signature = self._int32s(tensor.shape_signature) if tensor.shape_signature else 0
        tflite.TensorStart(builder)
        tflite.TensorAddShape(builder, shape)
        tflite.TensorAddType(builder, DTYPES.index(tensor.dtype))
        tflite.TensorAddBuffer(builder, buffer)
        tflite.TensorAddName(builder, name)
        tflite.TensorAddQuantization(builder, quantization)
        tflite.TensorAddIsVariable(builder, tensor.is_variable)
        tflite.TensorAddShapeSignature(builder, signature)
        tflite.TensorAddHasRank(builder, True)
        return int(tflite.TensorEnd(builder))

    def _operator(self, operator: Operator) -> int:
        if operator.kind not in OPERATOR_CODES:
            raise UnsupportedError("TFLite has no such operator", operator.where)
        code = self.codes.setdefault((operator.kind, operator.custom_code), len(self.codes))
        union_type, options = self._options(operator)
        inputs, outputs = self._int32s(operator.inputs), self._int32s(operator.outputs)
        builder = self.builder
        tflite.OperatorStart(builder)
        tflite.OperatorAddOpcodeIndex(builder, code)
        tflite.OperatorAddInputs(builder, inputs)
        tflite.OperatorAddOutputs(builder, outputs)
        tflite.OperatorAddBuiltinOptionsType(builder, union_type)
        tflite.OperatorAddBuiltinOptions(builder, options)
        return int(tflite.OperatorEnd(builder))

    def _options(self, operator: Operator) -> tuple[int, int]:
        """Write the options; return their number in the union and where they are."""
        facts = OPERATORS.get(operator.kind)
        table = facts.options if facts is not None else None
        if table is None:
            return 0, 0
        given = {
            field.name: operator.options[field.name]
            for field in table.fields
            if field.name in operator.options
        }
        vectors = {
            field.name: self._int32s(given[field.name])
            for field in table.fields
            if field.kind == "int32s" and given.get(field.name)
        }
        self.builder.StartObject(max((field.slot for field in table.fields), default=-1) + 1)
        for field in table.fields:
            if field.kind == "int32s":
                self.builder.PrependUOffsetTRelativeSlot(field.slot, vectors.get(field.name, 0), 0)
            elif field.name in given:
                self._option(field, given[field.name], operator)
        return table.union_type, int(self.builder.EndObject())

    def _option(self, field: OptionField, value: Any, operator: Operator) -> None:
        """Write one scalar option."""
        if field.names:
            if value not in field.names:
                raise UnsupportedError(f"{field.name} cannot be {value!r}", operator.where)
            value = field.names.index(value)
        prepend = {
            "bool": self.builder.PrependBoolSlot,
            "int8": self.builder.PrependInt8Slot,
            "int32": self.builder.PrependInt32Slot,
            "float32": self.builder.PrependFloat32Slot,
        }[field.kind]
        prepend(field.slot, value, field.default)

    def _code(self, kind: str, custom_code: str) -> int:
        """Write an operator code, in the old field as well for readers from before there was a new one."""
        builder = self.builder
        custom = builder.CreateString(custom_code) if custom_code else 0
        code = OPERATOR_CODES[kind]
        tflite.OperatorCodeStart(builder)
        tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, min(code, PLACEHOLDER_CODE))
        tflite.OperatorCodeAddCustomCode(builder, custom)
        tflite.OperatorCodeAddVersion(builder, OPERATORS[kind].version if kind in OPERATORS else 1)
        tflite.OperatorCodeAddBuiltinCode(builder, code)
        return int(tflite.OperatorCodeEnd(builder))
