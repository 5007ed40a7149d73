"""Whether an operator's tensors agree with each other: element types, shapes and scales.

Checked on every operator before anything is rewritten or folded, so that all later code may take a network at its
word.
"""

from __future__ import annotations

from tvm_patch.frontend.names import words
from tvm_patch.frontend.scale_rules import check_scales
from tvm_patch.frontend.shape_rules import SHAPE_RULES
from tvm_patch.frontend.use import CORRUPT, RECONVERT, Use
from tvm_patch.tflite.model import Tensor, quoted

_MOVING = words(
    "RESHAPE SQUEEZE EXPAND_DIMS TRANSPOSE CONCATENATION SPLIT SPLIT_V STRIDED_SLICE PACK GATHER TILE"
)
_WEIGHTED = words("CONV_2D DEPTHWISE_CONV_2D FULLY_CONNECTED TRANSPOSE_CONV")
_TWO_OPERANDS = words("ADD SUB MUL MAXIMUM MINIMUM PRELU")
_LOOKING = words("EXPAND_DIMS CONCATENATION PACK")
_BYTES = ("int8", "uint8")
_INDICES = ("int32", "int64")


def check_agreement(use: Use) -> None:
    """Raise UnsupportedError unless types and shapes of an operator's tensors fit together.

    Parameters
    ----------
    use : Use
        An operator of a kind that can be compiled.
    """
    _check_types(use)
    shapes = SHAPE_RULES[use.op.kind](use)
    for tensor, shape in zip(use.outputs, shapes, strict=True):
        if tensor.shape != shape:
            raise use.refuse(
                f"tensor {quoted(tensor.name)} has shape {list(tensor.shape)}, the operator makes {list(shape)}",
                RECONVERT,
            )
    check_scales(use)


def _check_types(use: Use) -> None:
    kind, output = use.op.kind, use.outputs[0]
    if kind == "SHAPE":
        use.agree(output, _option_type(use, "out_type"))
    elif kind in _MOVING:
        _check_moved(use)
    elif kind == "QUANTIZE":
        use.want(use.tensor(0), ("float32", *_BYTES))
        use.want(output, _BYTES)
    elif kind == "DEQUANTIZE":
        use.want(use.tensor(0), _BYTES)
        use.want(output, ("float32",))
    elif kind == "ARG_MAX":
        use.want(use.tensor(0), ("int8",))
        use.agree(output, _option_type(use, "output_type"))
    else:
        _check_int8(use)


def _option_type(use: Use, option: str) -> str:
    dtype = str(use.op.options[option])
    if dtype not in _INDICES:
        raise use.refuse(f"{option} is {dtype}, not int32 or int64")
    return dtype


def _check_moved(use: Use) -> None:
    """Check that data that is only moved keeps its type."""
    first = 1 if use.op.kind == "SPLIT" else 0
    parts = range(len(use.inputs)) if use.op.kind in ("CONCATENATION", "PACK") else (first,)
    moved = [use.tensor(i) for i in parts]
    for tensor in (*moved, *use.outputs):
        use.agree(tensor, moved[0].dtype)
    # Others that may become a RESHAPE here look at the scales; RESHAPE and SQUEEZE copy whatever the scales say.
    if use.op.kind in _LOOKING and moved[0].dtype in _BYTES and _grid(moved[0]) != _grid(use.outputs[0]):
        raise use.refuse(
            f"tensors {quoted(moved[0].name)} and {quoted(use.outputs[0].name)} have different scales or zero points"
        )


def _grid(tensor: Tensor) -> tuple[list[float], list[int]] | None:
    q = tensor.quantization
    return None if q is None else (q.scale.tolist(), q.zero_point.tolist())


def _check_int8(use: Use) -> None:
    kind = use.op.kind
    data = [use.tensor(2 if kind == "TRANSPOSE_CONV" else 0)]
    if kind in _WEIGHTED or kind in _TWO_OPERANDS:
        data.append(use.tensor(1))
    for tensor in (*data, use.outputs[0]):
        use.want(tensor, ("int8",))
    if kind == "PADV2":
        _check_pad_value(use, use.tensor(2))


def _check_pad_value(use: Use, value: Tensor) -> None:
    use.want(value, ("int8",))
    if value.shape not in ((), (1,)):
        raise use.refuse(f"pad value {quoted(value.name)} has shape {list(value.shape)}, not one element")
    if _grid(value) != _grid(use.tensor(0)):
        raise use.refuse(
            f"pad value {quoted(value.name)} has another scale or zero point than the input", CORRUPT
        )
