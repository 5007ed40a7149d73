"""AVERAGE_POOL_2D and MAX_POOL_2D."""

from __future__ import annotations

from tvm_patch.tflite.operators.base import Grids, TfliteOperator, register
from tvm_patch.tflite.rules import window
from tvm_patch.tflite.schema import STRIDES, OptionsTable, activation, positive
from tvm_patch.tflite.use import Role, Shape, Use

_OPTIONS = OptionsTable(
    5, (*STRIDES, positive("filter_width", 3), positive("filter_height", 4), activation(5))
)


def _shape(use: Use) -> list[Shape]:
    data = use.shape(0, 4)
    kernel = use.number("filter_height"), use.number("filter_width")
    return [(data[0], *window(use, data, kernel, dilated=False), data[3])]


register(
    *(
        TfliteOperator(
            kind,
            inputs=(Role.DATA,),
            options=_OPTIONS,
            version=2,
            required=True,
            picture=True,
            grids=Grids.ONE,
            shape=_shape,
        )
        for kind in ("AVERAGE_POOL_2D", "MAX_POOL_2D")
    )
)
