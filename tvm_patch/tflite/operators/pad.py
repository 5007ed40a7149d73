"""PAD and PADV2."""

from __future__ import annotations

from tvm_patch.tflite.model import quoted
from tvm_patch.tflite.operators.base import Grids, TfliteOperator, register
from tvm_patch.tflite.rules import grid, int8_throughout
from tvm_patch.tflite.schema import OptionsTable
from tvm_patch.tflite.use import CORRUPT, Role, Shape, Use


def _shape(use: Use) -> list[Shape]:
    data = use.shape(0)
    tensor = use.tensor(1)
    widths = use.ints(1, wide=True)
    if tensor.shape != (len(data), 2) or min(widths, default=0) < 0:
        raise use.refuse(
            f"paddings {quoted(tensor.name)} of shape {list(tensor.shape)}, from {min(widths, default=0)}, "
            f"for an input of shape {list(data)}"
        )
    return [tuple(d + widths[2 * i] + widths[2 * i + 1] for i, d in enumerate(data))]


def _padv2_types(use: Use) -> None:
    int8_throughout(use)
    value = use.tensor(2)
    use.want(value, ("int8",))
    if value.shape not in ((), (1,)):
        raise use.refuse(f"pad value {quoted(value.name)} has shape {list(value.shape)}, not one element")
    if grid(value) != grid(use.tensor(0)):
        raise use.refuse(
            f"pad value {quoted(value.name)} has another scale or zero point than the input", CORRUPT
        )


register(
    TfliteOperator(
        "PAD",
        inputs=(Role.DATA, Role.NUMBERS),
        options=OptionsTable(22),
        version=2,
        grids=Grids.ONE,
        shape=_shape,
        step=None,
    ),
    TfliteOperator(
        "PADV2",
        inputs=(Role.DATA, Role.NUMBERS, Role.VALUE),
        options=OptionsTable(43),
        version=2,
        grids=Grids.ONE,
        types=_padv2_types,
        shape=_shape,
        step=None,
    ),
)
