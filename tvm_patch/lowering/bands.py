"""The numbers of a segment that may differ from band to band."""

from __future__ import annotations

from collections.abc import Sequence

from tvm_patch.graph import Operator
from tvm_patch.planner.layout.composite import CompositeDesc, columns_read
from tvm_patch.planner.layout.row_buffer import Span
from tvm_patch.planner.layout.rows import RowsLayout
from tvm_patch.planner.row_window import RowWindow


class BandNumbers:
    """Columns and column offsets of a segment, by band.

    A number that is the same in every band is printed as a literal; the others are parameters of the band's function.

    Names: ``columns{i}`` made by element i; ``from{i}_{j}`` where input j of element i begins in its row; ``to{i}``
    where its output begins; for each row buffer ``left_``, ``inside_`` and ``right_`` (padding, tensor and padding
    columns of a slot) and ``start_`` (first column of the tensor that it holds), followed by the tensor's name.  Where
    there are composites also ``first_`` (a buffer's first column, which may be one of padding); of a composite
    ``first{i}`` and ``end{i}`` of its output, for each tensor of which it holds columns ``begin{i}_`` and ``until{i}_``
    and the name, and for each of which it keeps rows ``kept{i}_`` (the first column kept) and the name.

    Parameters
    ----------
    layout : RowsLayout
        The segment.
    """

    def __init__(self, layout: RowsLayout) -> None:
        self.layout = layout
        self.per_band: dict[str, tuple[int, ...]] = {}
        for i, span in enumerate(layout.spans):
            self._declare_element(i, span)
        for name in layout.buffers:
            self._declare_buffer(name)

    def varying(self) -> list[str]:
        """Return the names of the numbers that differ between bands."""
        return [name for name, numbers in self.per_band.items() if len(set(numbers)) > 1]

    def windows(self, i: int) -> tuple[RowWindow, ...]:
        """Return how element i reads its inputs; a reduction reads whole rows one by one."""
        return self.layout.elements[i].rows or (RowWindow(),)

    def width(self, tensor: str) -> int:
        """Return the columns of a tensor that the segment reads."""
        for element in self.layout.elements:
            for view in element.operator.inputs:
                if view.name == tensor:
                    return view.shape[2]
        raise KeyError(tensor)

    def _declare_element(self, i: int, span: Span) -> None:
        layout = self.layout
        op: Operator = layout.elements[i].operator
        whole = (0,) * layout.bands
        self.per_band[f"columns{i}"] = _differences(span.end, span.first)
        for j, (view, window) in enumerate(zip(op.inputs, self.windows(i), strict=True)):
            origin = layout.buffers[view.name].span.first if (i, j) in layout.buffered else whole
            need = columns_read(layout.elements[i], view.name, window, span)
            self.per_band[f"from{i}_{j}"] = _differences(need.first, origin)
        element = layout.elements[i]
        if isinstance(element, CompositeDesc):
            self.per_band[f"first{i}"], self.per_band[f"end{i}"] = span.first, span.end
            read = [element.laid_out.columns(*band) for band in zip(span.first, span.end, strict=True)]
            for name in element.laid_out.buffers:
                self.per_band[f"begin{i}_{name}"] = tuple(columns[name].begin for columns in read)
                self.per_band[f"until{i}_{name}"] = tuple(columns[name].end for columns in read)
            for name in element.laid_out.kept:
                self.per_band[f"kept{i}_{name}"] = layout.stores[name].span.first
        output = op.outputs[0].name
        held = layout.buffers.get(output)
        origin = held.span.first if held and output not in layout.stored else whole
        self.per_band[f"to{i}"] = _differences(span.first, origin)

    def _declare_buffer(self, name: str) -> None:
        span = self.layout.buffers[name].span
        inside = span.clipped(self.width(name))
        self.per_band[f"left_{name}"] = _differences(inside.first, span.first)
        self.per_band[f"inside_{name}"] = _differences(inside.end, inside.first)
        self.per_band[f"right_{name}"] = _differences(span.end, inside.end)
        self.per_band[f"start_{name}"] = inside.first
        if any(isinstance(element, CompositeDesc) for element in self.layout.elements):
            self.per_band[f"first_{name}"] = span.first


def _differences(a: Sequence[int], b: Sequence[int]) -> tuple[int, ...]:
    return tuple(x - y for x, y in zip(a, b, strict=True))
