"""RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR."""

from __future__ import annotations

from tvm_patch.tflite.operators.base import Grids, TfliteOperator, register
from tvm_patch.tflite.schema import OptionsTable, flag
from tvm_patch.tflite.use import Role, Shape, Use


def _shape(use: Use) -> list[Shape]:
    data = use.shape(0, 4)
    use.shape(1, 1)
    height, width = use.ints(1, 2)
    if min(height, width) < 1:
        raise use.refuse(f"a size of {[height, width]}")
    if use.op.options["align_corners"] and use.op.options["half_pixel_centers"]:
        raise use.refuse("align_corners and half_pixel_centers, of which there can be only one")
    return [(data[0], height, width, data[3])]


register(
    *(
        TfliteOperator(
            kind,
            inputs=(Role.DATA, Role.NUMBERS),
            options=OptionsTable(
                union, (flag("align_corners", first), flag("half_pixel_centers", first + 1))
            ),
            version=3,
            picture=True,
            grids=Grids.ONE,
            shape=_shape,
        )
        # The schema's ResizeBilinear once had two more fields before these.
        for kind, union, first in (("RESIZE_BILINEAR", 15, 2), ("RESIZE_NEAREST_NEIGHBOR", 74, 0))
    )
)
