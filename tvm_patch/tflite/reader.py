"""Read a TFLite file into :class:`~tvm_patch.tflite.model.Model`."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from pathlib import Path

import numpy as np

from tvm_patch.errors import ModelFormatError, UnsupportedError, UserError
from tvm_patch.tflite.checks import check_model, check_operator, check_tensor
from tvm_patch.tflite.flatbuffer import File, Table
from tvm_patch.tflite.model import (
    ITEM_SIZE,
    Model,
    Operator,
    Quantization,
    Tensor,
    quoted,
    tensor_where,
)
from tvm_patch.tflite.options import read_options
from tvm_patch.tflite.schema import (
    DTYPES,
    IDENTIFIER,
    OPERATOR_NAMES,
    VERSION,
    BufferField,
    CodeField,
    ModelField,
    OperatorField,
    QuantizationField,
    SignatureField,
    SubgraphField,
    TensorField,
)

_MAX_FILE = 2**31 - 1  # a flatbuffer's offsets reach no further
_MAX_RANK = 8
_WAY_OUT = "get the file again, or convert the network again"


def read_model(data: bytes | Path, signature: str | None = None) -> Model:
    """Read a TFLite model and check it.

    Parameters
    ----------
    data : bytes or pathlib.Path
        The file's contents, or where it is.
    signature : str, optional
        Which of the file's signatures to read.

    Returns
    -------
    Model
        The signature's subgraph, or subgraph 0.  Constants are read-only arrays of the file's own bytes.  Its notes
        say what was mended: a 1-D bias whose scales are said to lie along an axis that it does not have.

    Raises
    ------
    ModelFormatError
        The file is truncated, corrupt, inconsistent, or not a TFLite model.
    UnsupportedError
        The file is well formed but uses what this project does not handle: dynamic shapes, variables, sparse
        or external constants, control flow, strings, operators that another compiler made.
    UserError
        The file cannot be read from disk, or has no such signature.
    """
    contents = _load(data) if isinstance(data, Path) else bytes(data)
    try:
        return _Reader(contents).model(signature)
    except ModelFormatError as error:
        place = f"{data}: " if isinstance(data, Path) else ""
        raise ModelFormatError(f"{place}{error}; {_WAY_OUT}") from error


def _load(path: Path) -> bytes:
    """Return the contents of a regular file of a size that a model can have."""
    try:
        if not path.is_file():
            raise UserError(f"{path}: no such file")
        if path.stat().st_size > _MAX_FILE:
            raise ModelFormatError(f"{path}: larger than 2 GiB, which no TFLite model is")
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error


class _Reader:
    """One file on its way to a model."""

    def __init__(self, data: bytes) -> None:
        if len(data) < 8 or data[4:8] != IDENTIFIER:
            raise ModelFormatError('not a TFLite model: bytes 4 to 8 of the file are not "TFL3"')
        self.file = File(data)
        self.root = self.file.root("the model")
        self.buffers = self.root.tables(ModelField.BUFFERS, "buffer")
        self.contents: dict[int, bytes | None] = {}
        self.notes: list[str] = []
        self.mended = False

    def model(self, signature: str | None) -> Model:
        version = self.root.integer(ModelField.VERSION, "uint32")
        if version != VERSION:
            raise UnsupportedError(f"schema version {version}; only version {VERSION} exists in practice")
        codes = [
            self._operator_code(table)
            for table in self.root.tables(ModelField.OPERATOR_CODES, "operator code")
        ]
        subgraphs = self.root.tables(ModelField.SUBGRAPHS, "subgraph")
        if not subgraphs:
            raise ModelFormatError("the model has no subgraph")
        chosen, number = self._signature(signature, len(subgraphs))
        graph = subgraphs[number]
        operators = tuple(
            self._operator(index, table, codes)
            for index, table in enumerate(graph.tables(SubgraphField.OPERATORS, "operator"))
        )
        for operator in operators:
            check_operator(operator)
        inputs = graph.indices(SubgraphField.INPUTS, "the list of inputs")
        outputs = graph.indices(SubgraphField.OUTPUTS, "the list of outputs")
        used = {*inputs, *outputs, *(i for op in operators for i in (*op.inputs, *op.outputs))}
        model = Model(
            tensors=tuple(
                self._tensor(index, table) if index in used else self._leftover(index, table)
                for index, table in enumerate(graph.tables(SubgraphField.TENSORS, "tensor"))
            ),
            operators=operators,
            inputs=inputs,
            outputs=outputs,
            description=self.root.string(ModelField.DESCRIPTION, "the description"),
            version=version,
            name=graph.string(SubgraphField.NAME, "the name of the subgraph"),
            signature=chosen,
            mended=self.mended,
            notes=tuple(self.notes),
        )
        check_model(model)
        return model

    def _signature(self, wanted: str | None, subgraphs: int) -> tuple[str | None, int]:
        """Return the signature to read, None for whatever subgraph 0 is, and its subgraph."""
        found: dict[str, int] = {}
        for table in self.root.tables(ModelField.SIGNATURES, "signature"):
            key = table.string(SignatureField.KEY, f"the name of {table.what}")
            number = table.integer(SignatureField.SUBGRAPH, "uint32")
            if number >= subgraphs:
                raise ModelFormatError(f"corrupt: {table.what} is subgraph {number} of {subgraphs}")
            found.setdefault(key, number)
        names = ", ".join(quoted(k) for k in found)
        if wanted is not None:
            if wanted not in found:
                has = f"it has {names}" if found else "it has none: leave the option out"
                raise UserError(f"the file has no signature {quoted(wanted)}; {has}")
            return wanted, found[wanted]
        if len(found) < 2:
            return None, 0
        first = next((k for k, number in found.items() if number == 0), None)
        if first is None:
            return None, 0
        self.notes.append(
            f"the file has signatures {names}; this is {quoted(first)}, --signature takes another"
        )
        return first, 0

    def _leftover(self, index: int, table: Table) -> Tensor:
        """Return a tensor that nothing reads or writes: tools leave them behind, with numbers that mean nothing."""
        try:
            return self._tensor(index, table)
        except (ModelFormatError, UnsupportedError):
            return Tensor("", (), "float32")

    def _operator_code(self, table: Table) -> tuple[str, str]:
        """Return kind and custom code.

        Codes up to 127 may be in the old one-byte field, in the new one, or in both; the greater of the two
        is the code, as in TFLite itself.
        """
        old = table.integer(CodeField.DEPRECATED_BUILTIN, "int8")
        code = max(old, table.integer(CodeField.BUILTIN, "int32"))
        kind = OPERATOR_NAMES.get(code)
        if old < 0 or code < 0:
            raise ModelFormatError(f"corrupt: {table.what} is negative")
        if kind is None:
            raise UnsupportedError(f"unknown operator, code {code}", table.what)
        custom = table.string(CodeField.CUSTOM, f"the name of {table.what}") if kind == "CUSTOM" else ""
        return kind, custom

    def _operator(self, index: int, table: Table, codes: list[tuple[str, str]]) -> Operator:
        code = table.integer(OperatorField.CODE, "uint32")
        if code >= len(codes):
            raise ModelFormatError(f"corrupt: {table.what} uses operator code {code} of {len(codes)}")
        kind, custom = codes[code]
        return Operator(
            kind=kind,
            inputs=table.indices(OperatorField.INPUTS, f"the inputs of {table.what}"),
            outputs=table.indices(OperatorField.OUTPUTS, f"the outputs of {table.what}"),
            options=read_options(kind, table),
            index=index,
            custom_code=custom,
        )

    def _tensor(self, index: int, table: Table) -> Tensor:
        name = table.string(TensorField.NAME, f"the name of {table.what}")
        where = tensor_where(index, name)
        shape = table.indices(TensorField.SHAPE, f"the shape of {where}")
        if len(shape) > _MAX_RANK or any(extent < 0 for extent in shape):
            raise ModelFormatError(f"corrupt: {where} has shape {list(shape[: _MAX_RANK + 1])}")
        code = table.integer(TensorField.TYPE, "int8")
        if not 0 <= code < len(DTYPES):
            raise UnsupportedError(f"unknown element type {code}", where)
        if table.has(TensorField.SPARSITY):
            raise UnsupportedError("sparse constants are not supported", where, "export the model densely")
        if table.integer(TensorField.EXTERNAL_BUFFER, "uint32"):
            raise UnsupportedError("constants in another file are not supported", where)
        signature = table.indices(TensorField.SHAPE_SIGNATURE, f"the shape signature of {where}")
        dtype = DTYPES[code]
        tensor = Tensor(
            name=name,
            shape=shape,
            dtype=dtype,
            quantization=self._mended(self._quantization(table, where, dtype), shape, where),
            data=self._constant(table, where, shape, dtype),
            is_variable=bool(table.integer(TensorField.IS_VARIABLE, "bool")),
            shape_signature=signature or None,
        )
        check_tensor(tensor, where)
        return tensor

    def _mended(self, found: Quantization | None, shape: tuple[int, ...], where: str) -> Quantization | None:
        """Put the axis of a vector's scales to the only one that it has.

        Old converters gave biases the axis of their weights, in the best known TinyML file among others; older
        LiteRT and TFLite Micro do not look at it.
        """
        if found is not None and not found.per_channel and not 0 <= found.axis < max(1, len(shape)):
            self.mended = True
            return replace(found, axis=0)  # means nothing here, but LiteRT looks at it
        if found is None or not found.per_channel or shape != (found.scale.size,) or found.axis == 0:
            return found
        self.mended = True
        self.notes.append(f"{where} is a vector with scales along axis {found.axis}: taken for axis 0")
        return replace(found, axis=0)

    def _quantization(self, tensor: Table, where: str, dtype: str) -> Quantization | None:
        table = tensor.table(TensorField.QUANTIZATION, f"the quantization of {where}")
        # Converters leave empty or zero parameters on float tensors, where they mean nothing.
        if table is None or not dtype.startswith(("int", "uint")):
            return None
        if table.integer(QuantizationField.DETAILS_TYPE, "uint8"):
            raise UnsupportedError("custom quantization is not supported", where)
        scale = table.numbers(QuantizationField.SCALE, "float32", f"the scales of {where}")
        if scale is None or not scale.size:
            return None
        zero_point = table.numbers(QuantizationField.ZERO_POINT, "int64", f"the zero points of {where}")
        count = 0 if zero_point is None else zero_point.size
        if zero_point is None or count != scale.size:
            raise ModelFormatError(f"{where} has {scale.size} scales but {count} zero points")
        scale.flags.writeable = zero_point.flags.writeable = False
        return Quantization(scale, zero_point, table.integer(QuantizationField.AXIS, "int32"))

    def _constant(self, table: Table, where: str, shape: tuple[int, ...], dtype: str) -> np.ndarray | None:
        """Return the contents of a constant, None for an activation or a type numpy does not hold."""
        index = table.integer(TensorField.BUFFER, "uint32")
        if index >= len(self.buffers) and index != 0:
            raise ModelFormatError(f"corrupt: {where} uses buffer {index} of {len(self.buffers)}")
        if index == 0 or dtype not in ITEM_SIZE:
            return None
        if index not in self.contents:
            self.contents[index] = self._buffer(self.buffers[index])
        contents = self.contents[index]
        expected = prod(shape) * ITEM_SIZE[dtype]
        if contents is None:
            # No contents and no elements is an empty constant, for example the shape of a scalar.
            return np.zeros(shape, dtype) if expected == 0 else None
        if len(contents) != expected:
            raise ModelFormatError(
                f"{where} is {dtype} {list(shape)}, {expected} bytes, but the file has {len(contents)} for it"
            )
        if dtype == "bool" and max(contents, default=0) > 1:
            raise ModelFormatError(f"{where} is bool but has bytes other than 0 and 1")
        return np.frombuffer(contents, np.dtype(dtype)).reshape(shape)

    def _buffer(self, table: Table) -> bytes | None:
        """Return the bytes of a buffer, None where it has none."""
        data = table.raw(BufferField.DATA, table.what)
        # Contents of models near 2 GiB lie after the flatbuffer; 0 and 1 are the writers' placeholders.
        offset = table.integer(BufferField.OFFSET, "uint64")
        if offset > 1:
            size = table.integer(BufferField.SIZE, "uint64")
            if data or offset + size > len(self.file):
                raise ModelFormatError(f"corrupt or truncated: {table.what} lies outside the file")
            self.file.spend(size)
            data = self.file.data[offset : offset + size]
        return data or None
