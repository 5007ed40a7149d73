"""Where the rows of a segment lie: in row buffers, or stored."""

from __future__ import annotations

from collections.abc import Sequence

from tvm import tirx
from tvm.script.ir_builder import tirx as T  # noqa: N812 - TVM's own name for it

from tvm_patch.lowering.bands import BandNumbers
from tvm_patch.lowering.segment_parts import SegmentPart
from tvm_patch.lowering.segment_printer import SegmentPrinter
from tvm_patch.planner.layout.composite import CompositeDesc
from tvm_patch.planner.layout.row_buffer import RowBuffer
from tvm_patch.planner.layout.rows import RowsLayout
from tvm_patch.targets import Target
from tvm_patch.tvm_types import Buffer, Expr, Var


class RowPlaces(SegmentPrinter):
    """What printers of a segment of rows on demand, and of its composites, know of it.

    Parameters
    ----------
    layout : RowsLayout
    parts, target, name
        As for :class:`SegmentPrinter`.

    Attributes
    ----------
    elements : list of tuple of SegmentPart
        The operators of every element.
    tensors : dict of str to Tensor
        What the elements read and make, by name.
    values : BandNumbers
        What may differ from band to band.
    """

    def __init__(self, layout: RowsLayout, parts: Sequence[SegmentPart], target: Target, name: str) -> None:
        super().__init__(layout, parts, target, name)
        self.layout = layout
        self.elements = elements_of_parts(layout, parts)
        self.values, self.numbers = BandNumbers(layout), dict[str, Var]()
        operators = [e.operator for e in layout.elements]
        self.tensors = {t.name: t for op in operators for t in (*op.inputs, *op.outputs)}

    def number(self, name: str) -> Expr:
        """Return one of the numbers of :class:`BandNumbers`, a variable where it differs from band to band."""
        return self.numbers.get(name, self.values.per_band[name][0])

    def row_of(self, tensor: str, row: Expr, more: int = 0, *, buffered: bool) -> tuple[Buffer, Expr]:
        """Return where row ``row + more`` of a tensor lies: the array and the index in it.

        Parameters
        ----------
        tensor : str
        row : Expr
        more : int
        buffered : bool
            Whether in its row buffer, or where it is stored.
        """
        if buffered:
            buffer = self.layout.buffers[tensor]
            return self.cells(tensor), self.slot(buffer, row + (more + buffer.top))
        view = self.tensors[tensor]
        return self.stored(tensor), (row + more) * (view.size // view.shape[1])

    def slot(self, buffer: RowBuffer, line: Expr) -> Expr:
        """Byte offset in the scratch of the slot of a row counted from the first row of padding."""
        if buffer.slots == 1:
            return tirx.IntImm("int32", buffer.offset)
        return buffer.offset + T.truncmod(line, buffer.slots) * buffer.slot_bytes


def elements_of_parts(layout: RowsLayout, parts: Sequence[SegmentPart]) -> list[tuple[SegmentPart, ...]]:
    """Return the operators of every element of a segment: one, or those of a composite."""
    found: list[tuple[SegmentPart, ...]] = []
    left = list(parts)
    for element in layout.elements:
        count = len(element.laid_out.operators) if isinstance(element, CompositeDesc) else 1
        found.append(tuple(left[:count]))
        del left[:count]
    return found
