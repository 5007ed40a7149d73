"""The function of a composite, column after column or in tiles."""

from __future__ import annotations

from tvm_patch.kernels import RowKernel
from tvm_patch.lowering.composite_function import composite_function
from tvm_patch.lowering.composite_tiles import tiled_function
from tvm_patch.lowering.row_places import RowPlaces
from tvm_patch.planner.layout.base import Layout
from tvm_patch.planner.layout.composite import CompositeDesc
from tvm_patch.planner.layout.composite_tiles import TiledLayout
from tvm_patch.planner.layout.rows import RowsLayout
from tvm_patch.planner.network import OtherShapes
from tvm_patch.tvm_types import GlobalVar


def kernel_in_composite(layout: Layout, index: int, shapes: OtherShapes) -> RowKernel:
    """Return the kernel of an operator that a composite runs: turned, or as it is.

    Parameters
    ----------
    layout : Layout
        Of the segment.
    index : int
        Of the operator.
    shapes : OtherShapes
        Knows its kernels.
    """
    assert isinstance(layout, RowsLayout)
    kernel: RowKernel
    tiled = (e.laid_out for e in layout.elements if isinstance(e, CompositeDesc))
    for laid_out in tiled:
        if isinstance(laid_out, TiledLayout):
            for op in laid_out.unturned:
                if op.index == index:
                    kernel = shapes.tiled_kernel(index, laid_out.usual(op.outputs[0]))
                    return kernel
    kernel = shapes.turned_kernel(index)
    return kernel


def function_of_composite(rows: RowPlaces, element: int, first: int) -> GlobalVar:
    """Add the function of a composite, and those of its kernels, to a segment's; return its name.

    It takes all pointers that the segment takes, then the first row to make, then the numbers that differ from band to
    band.

    Parameters
    ----------
    rows : RowPlaces
        Prints the segment.
    element : int
        Which of its elements.
    first : int
        Position in the segment of the composite's first operator.
    """
    described = rows.layout.elements[element]
    assert isinstance(described, CompositeDesc)
    if isinstance(described.laid_out, TiledLayout):
        return tiled_function(rows, element, first)
    return composite_function(rows, element, first)
