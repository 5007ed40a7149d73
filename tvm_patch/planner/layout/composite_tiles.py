"""A composite that makes a few columns of its rows at once, row by row: tiles, side by side along a stripe of rows.

Kernels are called for rows of a tile, as long as it is wide, not for columns: where few rows are made at once, a call
makes many pixels all the same.  What lies between the operators is held in tiles: a row of it has the columns that its
readers need again for the next tile, then those that are new.  Rows that the next run needs again are kept as rows, and
readers find them there: of a column only what a run makes is copied, when the tile is left.  What comes from outside is
read where it lies, what is made is written where it belongs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from tvm_patch.errors import PlanError
from tvm_patch.planner.layout.composite import CompositeLayout, Reached, Store
from tvm_patch.planner.layout.row_buffer import RowBuffer, Span
from tvm_patch.planner.network import OperatorDesc, OtherShapes

TILE = "/tile"
"""What :meth:`TiledLayout.counted` counts beside columns: tiles."""
VARYING = "/varying"
"""And, behind a tensor's name, tiles for which its kernel is told how many columns to make."""
FIXED = 3
"""Numbers of columns up to which an operator has a kernel for each; more share one that is told the number."""


@dataclass(frozen=True, kw_only=True)
class TiledLayout(CompositeLayout):
    """A composite in tiles; `buffers` has, by tensor that it makes and reads, a slot for each row of a tile.

    Attributes
    ----------
    tile : int
        Columns of the output that are made at once.
    unturned : tuple of OperatorDesc
        The operators as they run.
    across : dict of str to Reached
        By tensor: the columns that one of the output needs, and those that are passed on the way to the next.
    """

    tile: int
    unturned: tuple[OperatorDesc, ...]
    across: Mapping[str, Reached]

    @property
    def running(self) -> tuple[OperatorDesc, ...]:
        """The operators as they run."""
        return self.unturned

    @property
    def out_bytes(self) -> int:
        """Bytes of the output that it holds: none, rows are written where they belong."""
        return 0

    def counted(self, first: int, end: int) -> Mapping[str, int]:
        """Return how often what takes time happens in a run that makes some columns.

        A column, by tensor; :data:`TILE`; behind a tensor's name :data:`VARYING`, a tile that has fewer or more new
        columns of it than most, where its kernel must be told.
        """
        varying = {}
        for op in self.unturned:
            (name,) = op.outputs
            made, usual = self.new_columns(name, first, end), self.usual(name)
            told = len(set(made) - {0}) > FIXED
            varying[name + VARYING] = sum(n not in (0, usual) for n in made) if told else 0
        return {**super().counted(first, end), TILE: -(-(end - first) // self.tile), **varying}

    def usual(self, tensor: str) -> int:
        """Return the new columns of a tensor that a tile has between others."""
        return self.tile * self.across[tensor].stride

    def new_columns(self, tensor: str, first: int, end: int) -> list[int]:
        """Return the columns of a tensor that each tile makes where some of the output are made."""
        across, own = self.across[tensor], self.columns(first, end)[tensor]
        found, made = [], own.first
        for x in range(first, end, self.tile):
            last = min(x + self.tile, end) - 1
            until = max(made, min(last * across.stride + across.end, own.last))
            found.append(until - made)
            made = until
        return found

    def held(self, tensor: str) -> int:
        """Return the columns of a tensor that the next tile needs again."""
        across = self.across[tensor]
        return across.size - across.stride

    def kept_anew(self, tensor: str) -> int:
        """Return the rows of a tensor that a run keeps for the next one beside those that were kept before."""
        if tensor not in self.kept:
            return 0
        return min(self.kept[tensor].new, self.kept[tensor].rows)

    def rows_made(self, tensor: str) -> int:
        """Return the rows of a tensor that all runs make together: those inside it."""
        return self._rows_made[tensor]

    @cached_property
    def _rows_made(self) -> Mapping[str, int]:
        found = {}
        for op in self.unturned:
            (tensor,) = op.outputs
            reached, height = self.pixels[tensor], self.heights[tensor]
            kept, step = reached.size - self.made(tensor), self.rows * reached.stride
            # Runs between these are within the tensor and not the first one.
            top = min(self.runs, max(1, -(reached.first // step)))
            bottom = min(self.runs, max(top, (height - reached.end) // step + 1))
            total = (bottom - top) * self.made(tensor)
            for run in (*range(top), *range(bottom, self.runs)):
                at = run * step + reached.first
                total += max(0, min(reached.size, height - at) - max(kept if run else 0, -at))
            found[tensor] = total
        return found

    def more_rows(self, tensor: str) -> int:
        """Return how many more rows are made than if every run made as many: fewer at the top and the bottom."""
        return self.rows_made(tensor) - self.runs * self.made(tensor)

    def first_macs(self, first: int, end: int) -> int:
        """Return the multiply-accumulates that the first run does more than the others; the last may do fewer."""
        every = self.macs(first, end) * self.runs
        calls = {op.outputs[0]: self.rows_made(op.outputs[0]) for op in self.operators}
        return self._row_macs(first, end, calls) - every

    def stores(self, bands: Sequence[tuple[int, int]]) -> list[Store]:
        """Return what keeps rows from one run to the next: row after row, with their padding."""
        read = [self.columns(*band) for band in bands]
        found = []
        for name, kept in self.kept.items():
            span = Span(tuple(c[name].begin for c in read), tuple(c[name].end for c in read))
            shared = span.shared_padding(self.widths[name])
            found.append(Store(name, kept.rows, span, self.buffers[name].pixel_bytes, shared=shared))
        return found


def tiles_of(
    layout: CompositeLayout,
    columns: int,
    shapes: OtherShapes,
    across: Mapping[str, Reached],
    align: Callable[[int], int],
) -> TiledLayout:
    """Return a composite in tiles in place of one that makes column after column.

    Parameters
    ----------
    layout : CompositeLayout
    columns : int
        Of the output, in a tile.
    shapes : OtherShapes
        Knows the operators as they run.
    across : mapping of str to Reached
        By tensor: the columns that one of the output needs.
    align : callable
        Rounds sizes of buffers up.

    Raises
    ------
    PlanError
        When it cannot run in tiles.
    """
    width = layout.output.shape[1]
    if columns > width:
        raise PlanError(f"{columns} columns at once do not fit the {width} of {layout.output.name}")
    passed = {t: replace(r, end=max(r.end, r.first + r.stride)) for t, r in across.items()}
    unturned = [shapes.tiled(op.index, columns * passed[op.outputs[0]].stride) for op in layout.operators]
    made = {op.outputs[0] for op in unturned}
    for op in unturned:
        height = op.operator.outputs[0].shape[1]
        for read, window in zip(op.operator.inputs, op.rows, strict=True):
            if read.name not in made and not window.reads_in_place(height, read.shape[1]):
                raise PlanError(
                    f"operator {op.index} ({op.kind} {op.name}) reads {read.name} with padding, from outside of "
                    "its composite: that goes column by column only (columns: 0)"
                )
    buffers, offset = dict[str, RowBuffer](), 0
    for tensor, buffer in layout.buffers.items():
        if tensor in made:
            reach = passed[tensor]
            span = Span((0,), ((columns - 1) * reach.stride + reach.size,))
            held = replace(buffer, slots=layout.made(tensor), top=0, span=span, offset=offset)
            buffers[tensor] = held
            offset += align(held.nbytes)
    return TiledLayout(
        operators=layout.operators,
        rows=layout.rows,
        pixels=layout.pixels,
        kept=layout.kept,
        buffers=buffers,
        buffered=layout.buffered,
        flow=layout.flow,
        counts=layout.counts,
        out_offset=offset,
        scratch_offset=offset,
        scratch_bytes=offset + align(max(op.scratch_bytes for op in unturned)),
        known_columns=layout.known_columns,
        tile=columns,
        unturned=tuple(unturned),
        across=passed,
    )
