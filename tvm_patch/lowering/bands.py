"""The numbers of a segment that may differ from band to band."""

from __future__ import annotations

from collections.abc import Sequence

from tvm_patch.lowering.segment_parts import SegmentPart
from tvm_patch.planner.layout import SegmentLayout
from tvm_patch.planner.row_buffer import Span
from tvm_patch.planner.row_window import RowWindow


class BandNumbers:
    """Columns and column offsets of a segment, by band.

    A number that is the same in every band is printed as a literal; the others are parameters of the band's function.

    Names: ``columns{i}`` made by part i; ``from{i}_{j}`` where input j of part i begins in its row; ``to{i}`` where its
    output begins; for each row buffer ``left_``, ``inside_`` and ``right_`` (padding, tensor and padding columns of a
    slot) and ``start_`` (first column of the tensor that it holds), followed by the tensor's name.

    Parameters
    ----------
    layout : SegmentLayout
        The segment.
    parts : sequence of SegmentPart
        Its operators.
    """

    def __init__(self, layout: SegmentLayout, parts: Sequence[SegmentPart]) -> None:
        self.layout, self.parts = layout, parts
        self.per_band: dict[str, tuple[int, ...]] = {}
        for i, span in enumerate(layout.spans):
            self._declare_part(i, span)
        for name in layout.buffers:
            self._declare_buffer(name)

    def varying(self) -> list[str]:
        """Return the names of the numbers that differ between bands."""
        return [name for name, numbers in self.per_band.items() if len(set(numbers)) > 1]

    def windows(self, i: int) -> tuple[RowWindow, ...]:
        """Return how part i reads its inputs; a reduction reads whole rows one by one."""
        return self.layout.operators[i].rows or (RowWindow(),)

    def width(self, tensor: str) -> int:
        """Return the columns of a tensor that the segment reads."""
        for part in self.parts:
            for name, view in zip(part.inputs, part.kernel.op.inputs, strict=True):
                if name == tensor:
                    return view.shape[2]
        raise KeyError(tensor)

    def _declare_part(self, i: int, span: Span) -> None:
        part, layout = self.parts[i], self.layout
        whole = (0,) * layout.bands
        self.per_band[f"columns{i}"] = _differences(span.end, span.first)
        for j, (tensor, window) in enumerate(zip(part.inputs, self.windows(i), strict=True)):
            origin = layout.buffers[tensor].span.first if (i, j) in layout.buffered else whole
            offsets = _differences(span.needs(window).first, origin)
            # A broadcast row is read whole, whichever columns are made.
            self.per_band[f"from{i}_{j}"] = offsets if window.column_stride else whole
        held = layout.buffers.get(part.output)
        origin = held.span.first if held and part.output not in layout.stored else whole
        self.per_band[f"to{i}"] = _differences(span.first, origin)

    def _declare_buffer(self, name: str) -> None:
        span = self.layout.buffers[name].span
        inside = span.clipped(self.width(name))
        self.per_band[f"left_{name}"] = _differences(inside.first, span.first)
        self.per_band[f"inside_{name}"] = _differences(inside.end, inside.first)
        self.per_band[f"right_{name}"] = _differences(span.end, inside.end)
        self.per_band[f"start_{name}"] = inside.first


def _differences(a: Sequence[int], b: Sequence[int]) -> tuple[int, ...]:
    return tuple(x - y for x, y in zip(a, b, strict=True))
