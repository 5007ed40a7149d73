"""TFLite's schema as data: field ids, enumerations, options of each operator.

The reader and the writer both work from these tables, so they cannot disagree.  Field ids are the position of
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
    """An options table of the schema: its number in the union BuiltinOptions, and its fields."""

    union_type: int
    fields: tuple[OptionField, ...] = ()


def _padding(slot: int = 0) -> OptionField:
    return OptionField("padding", slot, "int8", names=PADDINGS)


def _activation(slot: int) -> OptionField:
    return OptionField("fused_activation_function", slot, "int8", names=ACTIVATIONS)


def _positive(name: str, slot: int, default: int = 0) -> OptionField:
    return OptionField(name, slot, default=default, minimum=1)


def _flag(name: str, slot: int, default: bool = False) -> OptionField:
    return OptionField(name, slot, "bool", default)


_STRIDES = (_padding(), _positive("stride_w", 1), _positive("stride_h", 2))
_EMPTY: tuple[OptionField, ...] = ()

OPTIONS: dict[str, OptionsTable] = {
    "Conv2D": OptionsTable(
        1,
        (
            *_STRIDES,
            _activation(3),
            _positive("dilation_w_factor", 4, 1),
            _positive("dilation_h_factor", 5, 1),
        ),
    ),
    "DepthwiseConv2D": OptionsTable(
        2,
        (
            *_STRIDES,
            OptionField("depth_multiplier", 3, minimum=0),
            _activation(4),
            _positive("dilation_w_factor", 5, 1),
            _positive("dilation_h_factor", 6, 1),
        ),
    ),
    "Pool2D": OptionsTable(
        5, (*_STRIDES, _positive("filter_width", 3), _positive("filter_height", 4), _activation(5))
    ),
    "FullyConnected": OptionsTable(
        8,
        (
            _activation(0),
            OptionField("weights_format", 1, "int8", names=WEIGHTS_FORMATS),
            _flag("keep_num_dims", 2),
            _flag("asymmetric_quantize_inputs", 3),
        ),
    ),
    "Softmax": OptionsTable(9, (OptionField("beta", 0, "float32", 0.0),)),
    "Concatenation": OptionsTable(10, (OptionField("axis", 0), _activation(1))),
    "Add": OptionsTable(11, (_activation(0), _flag("pot_scale_int16", 1, True))),
    "ResizeBilinear": OptionsTable(15, (_flag("align_corners", 2), _flag("half_pixel_centers", 3))),
    "Reshape": OptionsTable(17, (OptionField("new_shape", 0, "int32s", ()),)),
    "Mul": OptionsTable(21, (_activation(0),)),
    "Pad": OptionsTable(22, _EMPTY),
    "Gather": OptionsTable(23, (OptionField("axis", 0), OptionField("batch_dims", 1))),
    "Transpose": OptionsTable(26, _EMPTY),
    "Reducer": OptionsTable(27, (_flag("keep_dims", 0),)),
    "Sub": OptionsTable(28, (_activation(0), _flag("pot_scale_int16", 1, True))),
    "Squeeze": OptionsTable(30, (OptionField("squeeze_dims", 0, "int32s", ()),)),
    "StridedSlice": OptionsTable(
        32,
        (
            OptionField("begin_mask", 0),
            OptionField("end_mask", 1),
            OptionField("ellipsis_mask", 2),
            OptionField("new_axis_mask", 3),
            OptionField("shrink_axis_mask", 4),
            _flag("offset", 5),
        ),
    ),
    "Split": OptionsTable(35, (_positive("num_splits", 0),)),
    "Dequantize": OptionsTable(38, _EMPTY),
    "MaximumMinimum": OptionsTable(39, _EMPTY),
    "ArgMax": OptionsTable(40, (OptionField("output_type", 0, "int8", names=DTYPES),)),
    "PadV2": OptionsTable(43, _EMPTY),
    "TransposeConv": OptionsTable(49, (*_STRIDES, _activation(3))),
    "Tile": OptionsTable(51, _EMPTY),
    "ExpandDims": OptionsTable(52, _EMPTY),
    "Shape": OptionsTable(55, (OptionField("out_type", 0, "int8", names=DTYPES),)),
    "Pack": OptionsTable(59, (_positive("values_count", 0), OptionField("axis", 1))),
    "ResizeNearestNeighbor": OptionsTable(74, (_flag("align_corners", 0), _flag("half_pixel_centers", 1))),
    "LeakyRelu": OptionsTable(75, (OptionField("alpha", 0, "float32", 0.0),)),
    "SplitV": OptionsTable(79, (_positive("num_splits", 0),)),
    "Quantize": OptionsTable(89, _EMPTY),
    "HardSwish": OptionsTable(91, _EMPTY),
}


@dataclass(frozen=True)
class OperatorSchema:
    """What the format says about one kind of operator.

    Parameters
    ----------
    table : str
        Key in :data:`OPTIONS`; empty where the kind has no options.
    inputs : tuple of int
        Least and greatest number of inputs.
    version : int
        Version to write for an int8 operator, so that LiteRT picks the kernel that takes int8.
    required : bool
        Whether the operator means nothing without its options.
    outputs : int
        Number of outputs; 0 where it depends on the options.
    """

    table: str
    inputs: tuple[int, int]
    version: int
    required: bool = False
    outputs: int = 1


_MANY = 1 << 16

OPERATORS: dict[str, OperatorSchema] = {
    "ADD": OperatorSchema("Add", (2, 2), 2),
    "ARG_MAX": OperatorSchema("ArgMax", (2, 2), 2),
    "AVERAGE_POOL_2D": OperatorSchema("Pool2D", (1, 1), 2, required=True),
    "CONCATENATION": OperatorSchema("Concatenation", (1, _MANY), 2, required=True),
    "CONV_2D": OperatorSchema("Conv2D", (2, 3), 3, required=True),
    "DEPTHWISE_CONV_2D": OperatorSchema("DepthwiseConv2D", (2, 3), 3, required=True),
    "DEQUANTIZE": OperatorSchema("Dequantize", (1, 1), 2),
    "EXPAND_DIMS": OperatorSchema("ExpandDims", (2, 2), 1),
    "FULLY_CONNECTED": OperatorSchema("FullyConnected", (2, 3), 4, required=True),
    "GATHER": OperatorSchema("Gather", (2, 2), 2),
    "HARD_SWISH": OperatorSchema("HardSwish", (1, 1), 1),
    "LEAKY_RELU": OperatorSchema("LeakyRelu", (1, 1), 2, required=True),
    "LOGISTIC": OperatorSchema("", (1, 1), 2),
    "MAXIMUM": OperatorSchema("MaximumMinimum", (2, 2), 2),
    "MAX_POOL_2D": OperatorSchema("Pool2D", (1, 1), 2, required=True),
    "MEAN": OperatorSchema("Reducer", (2, 2), 2),
    "MINIMUM": OperatorSchema("MaximumMinimum", (2, 2), 2),
    "MUL": OperatorSchema("Mul", (2, 2), 2),
    "PACK": OperatorSchema("Pack", (1, _MANY), 2, required=True),
    "PAD": OperatorSchema("Pad", (2, 2), 2),
    "PADV2": OperatorSchema("PadV2", (3, 3), 2),
    "PRELU": OperatorSchema("", (2, 2), 1),
    "QUANTIZE": OperatorSchema("Quantize", (1, 1), 2),
    "REDUCE_MAX": OperatorSchema("Reducer", (2, 2), 2),
    "RELU": OperatorSchema("", (1, 1), 2),
    "RELU6": OperatorSchema("", (1, 1), 2),
    "RELU_N1_TO_1": OperatorSchema("", (1, 1), 1),
    "RESHAPE": OperatorSchema("Reshape", (1, 2), 1),
    "RESIZE_BILINEAR": OperatorSchema("ResizeBilinear", (2, 2), 3),
    "RESIZE_NEAREST_NEIGHBOR": OperatorSchema("ResizeNearestNeighbor", (2, 2), 3),
    "SHAPE": OperatorSchema("Shape", (1, 1), 1),
    "SOFTMAX": OperatorSchema("Softmax", (1, 1), 2, required=True),
    "SPLIT": OperatorSchema("Split", (2, 2), 2, required=True, outputs=0),
    "SPLIT_V": OperatorSchema("SplitV", (3, 3), 2, required=True, outputs=0),
    "SQUEEZE": OperatorSchema("Squeeze", (1, 1), 1),
    "STRIDED_SLICE": OperatorSchema("StridedSlice", (4, 4), 2),
    "SUB": OperatorSchema("Sub", (2, 2), 2),
    "TANH": OperatorSchema("", (1, 1), 2),
    "TILE": OperatorSchema("Tile", (2, 2), 1),
    "TRANSPOSE": OperatorSchema("Transpose", (2, 2), 2),
    "TRANSPOSE_CONV": OperatorSchema("TransposeConv", (3, 4), 3, required=True),
}
