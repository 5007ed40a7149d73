"""TFLite's schema as data: field ids, enumerations, what an options table looks like.

The reader and the writer both work from these tables and from those of :mod:`tvm_patch.tflite.operators`, so they
cannot disagree.  Field ids are the position of
a field in the schema's table (a union counts twice: its type and its value).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from tflite.BuiltinOperator import BuiltinOperator

IDENTIFIER = b"TFL3"
VERSION = 3

#: Name of every operator code that the schema knows, and back.
OPERATOR_NAMES: dict[int, str] = {
    code: name for name, code in vars(BuiltinOperator).items() if isinstance(code, int)
}
OPERATOR_CODES: dict[str, int] = {name: code for code, name in OPERATOR_NAMES.items()}
#: Largest code that the old one-byte field can hold; greater ones leave this number there.
PLACEHOLDER_CODE = OPERATOR_CODES["PLACEHOLDER_FOR_GREATER_OP_CODES"]

#: Name of each TensorType, in the order of the enumeration.
DTYPES: tuple[str, ...] = (
    "float32", "float16", "int32", "uint8", "int64", "string", "bool", "int16", "complex64", "int8",
    "float64", "complex128", "uint64", "resource", "variant", "uint32", "uint16", "int4", "bfloat16",
)  # fmt: skip

ACTIVATIONS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT")
PADDINGS = ("SAME", "VALID")
WEIGHTS_FORMATS = ("DEFAULT", "SHUFFLED4x16INT8")

#: Operators that run another subgraph.
CALLING_KINDS = frozenset({"CALL", "IF", "WHILE", "STABLEHLO_WHILE", "STABLEHLO_COMPOSITE"})
#: Operators of state that outlives an inference; CALL_ONCE runs the subgraph that sets it first.
STATE_KINDS = frozenset({"CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"})
#: Custom operators that another compiler has made, by their name in the file: the compiler and what runs them.
COMPILED_CUSTOM = {
    "ethos-u": ("Vela", "an Arm Ethos-U NPU"),
    "edgetpu-custom-op": ("the Edge TPU compiler", "a Coral Edge TPU"),
}


class ModelField(IntEnum):
    """Field ids of the table Model."""

    VERSION = 0
    OPERATOR_CODES = 1
    SUBGRAPHS = 2
    DESCRIPTION = 3
    BUFFERS = 4
    SIGNATURES = 7


class SignatureField(IntEnum):
    """Field ids of the table SignatureDef."""

    KEY = 2
    SUBGRAPH = 4


class CodeField(IntEnum):
    """Field ids of the table OperatorCode."""

    DEPRECATED_BUILTIN = 0
    CUSTOM = 1
    BUILTIN = 3


class SubgraphField(IntEnum):
    """Field ids of the table SubGraph."""

    TENSORS = 0
    INPUTS = 1
    OUTPUTS = 2
    OPERATORS = 3
    NAME = 4


class TensorField(IntEnum):
    """Field ids of the table Tensor."""

    SHAPE = 0
    TYPE = 1
    BUFFER = 2
    NAME = 3
    QUANTIZATION = 4
    IS_VARIABLE = 5
    SPARSITY = 6
    SHAPE_SIGNATURE = 7
    EXTERNAL_BUFFER = 10


class QuantizationField(IntEnum):
    """Field ids of the table QuantizationParameters."""

    SCALE = 2
    ZERO_POINT = 3
    DETAILS_TYPE = 4
    AXIS = 6


class BufferField(IntEnum):
    """Field ids of the table Buffer; offset and size are for contents that lie after the flatbuffer."""

    DATA = 0
    OFFSET = 1
    SIZE = 2


class OperatorField(IntEnum):
    """Field ids of the table Operator."""

    CODE = 0
    INPUTS = 1
    OUTPUTS = 2
    OPTIONS_TYPE = 3
    OPTIONS = 4


@dataclass(frozen=True)
class OptionField:
    """One field of an options table.

    Parameters
    ----------
    name : str
        Key in :attr:`tvm_patch.tflite.model.Operator.options`.
    slot : int
        Field id.
    kind : {"int32", "int8", "bool", "float32", "int32s"}
        Stored type; ``"int32s"`` is a vector.
    default : int, float or bool
        Value of a field that the file leaves out.
    names : tuple of str
        Of an enumeration: the name of each value.
    minimum : int, optional
        Least value that makes sense.
    """

    name: str
    slot: int
    kind: str = "int32"
    default: Any = 0
    names: tuple[str, ...] = ()
    minimum: int | None = None


@dataclass(frozen=True)
class OptionsTable:
    """An options table of the schema.

    Attributes
    ----------
    union_type : int
        Its number in the union BuiltinOptions.
    fields : tuple of OptionField
    """

    union_type: int
    fields: tuple[OptionField, ...] = ()


def padding(slot: int = 0) -> OptionField:
    """Return the field of a window's padding."""
    return OptionField("padding", slot, "int8", names=PADDINGS)


def activation(slot: int) -> OptionField:
    """Return the field of an activation that the operator ends with."""
    return OptionField("fused_activation_function", slot, "int8", names=ACTIVATIONS)


def positive(name: str, slot: int, default: int = 0) -> OptionField:
    """Return the field of a number that is at least 1."""
    return OptionField(name, slot, default=default, minimum=1)


def flag(name: str, slot: int, default: bool = False) -> OptionField:
    """Return the field of a truth value."""
    return OptionField(name, slot, "bool", default)


STRIDES = (padding(), positive("stride_w", 1), positive("stride_h", 2))
"""The fields that every window starts with."""
