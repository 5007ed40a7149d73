"""The function of a composite in tiles: some rows of its output, a few columns of all of them after the other.

What it does is :class:`tvm_patch.planner.layout.composite_tiles.TiledLayout`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tvm import tirx
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as T  # noqa: N812 - TVM's own name for it

from tvm_patch.kernels import RowKernel
from tvm_patch.kernels.named import array, bind, loop
from tvm_patch.kernels.narrow import narrowed
from tvm_patch.lowering.composite_function import ROW
from tvm_patch.lowering.row_places import RowPlaces
from tvm_patch.lowering.step_function import row_pointers
from tvm_patch.planner.layout.composite import CompositeDesc
from tvm_patch.planner.layout.composite_tiles import FIXED, TiledLayout
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.tvm_types import Expr, GlobalVar, PrimFunc


def tiled_function(rows: RowPlaces, element: int, first: int) -> GlobalVar:
    """Add the function of a composite in tiles, and those of its kernels, to a segment's; return its name.

    Parameters are those of :func:`tvm_patch.lowering.composite.function_of_composite`.
    """
    return _Tiles(rows, element, first).build()


@dataclass(frozen=True)
class _Tile:
    """A tile of the output: its columns, the latter excluded; where the band's last one ends."""

    first: Expr
    end: Expr
    last: Expr


@dataclass(frozen=True)
class _Functions:
    """The kernels of an operator, by number of columns, and for any; whether there may be none to make."""

    fixed: Mapping[int, GlobalVar]
    free: GlobalVar | None
    sometimes_none: bool


class _Tiles:
    def __init__(self, rows: RowPlaces, element: int, first: int) -> None:
        described = rows.layout.elements[element]
        assert isinstance(described, CompositeDesc)
        layout = described.laid_out
        assert isinstance(layout, TiledLayout)
        self.desc, self.layout, self.rows = described, layout, rows
        self.element, self.part = element, first
        self.parts = rows.elements[element]
        self.base = rows.layout.scratch_offset
        self.position = {tensor: k for k, tensor in enumerate(layout.buffers)}

    # -- kernels

    def _functions(self, i: int) -> _Functions:
        """Add the kernels of an operator: for as many columns as most tiles make, and for any number."""
        span, part, layout = self.rows.layout.spans[self.element], self.parts[i], self.layout
        assert isinstance(part.kernel, RowKernel)
        usual, counts = layout.usual(part.output), Counter[int]()
        for band in zip(span.first, span.end, strict=True):
            counts.update(layout.new_columns(part.output, *band))
        none = counts.pop(0, 0) > 0
        fixed, free = dict[int, GlobalVar](), None
        known = sorted(counts) if len(counts) <= FIXED else [n for n in (usual,) if counts[n]]
        if len(counts) > 1 and not part.kernel.macs:
            known = []
        for columns in known:
            fixed[columns] = self._function(i, narrowed(part.kernel, columns), len(fixed))
        if len(fixed) < len(counts):
            free = self._function(i, narrowed(part.kernel, max(counts)), len(fixed), dynamic=True)
        return _Functions(fixed, free, none)

    def _function(self, i: int, kernel: RowKernel, form: int, dynamic: bool = False) -> GlobalVar:
        return self.rows.function(
            kernel.row_function(dynamic), "row", self.part + i, row_pointers(kernel), form
        )

    def build(self) -> GlobalVar:
        self.functions = [self._functions(i) for i in range(len(self.parts))]
        return self.rows.function(self._print(), "composite", self.part + len(self.parts) - 1)

    # -- the loop over tiles

    def _print(self) -> PrimFunc:
        layout = self.layout
        with IRBuilder() as builder, T.prim_func(private=True):
            declared = self.rows.declare([ROW, *self.rows.values.varying()])
            self.rows.arguments, self.rows.buffers, self.rows.numbers = declared
            self.row = self.rows.numbers[ROW]
            self.limits = {t: self._limits(t) for t in layout.buffers}
            self._begin()
            first, end = self._number("first"), self._number("end")
            with loop("tile", 0, T.truncdiv(end - first + (layout.tile - 1), T.int32(layout.tile))) as tile:
                x = bind("x", first + tile * layout.tile)
                now = _Tile(x, bind("until", T.min(x + layout.tile, end)), end)
                for i, part in enumerate(self.parts):
                    if part.output in layout.buffers:
                        self._make(i, part.output, now)
                    else:
                        self._write(i, now)
                for tensor in layout.kept:
                    self._keep(tensor, now)
                self._move(now)
        return builder.get()

    def _number(self, name: str, tensor: str = "") -> Expr:
        number = self.rows.number(f"{name}{self.element}" + (f"_{tensor}" if tensor else ""))
        return T.int32(number) if isinstance(number, int) else number

    def _begin(self) -> None:
        """Emit that no columns are made yet; before the first run kept rows are padding."""
        layout = self.layout
        self.made = array("made", len(self.position))
        for tensor, k in self.position.items():
            T.buffer_store(self.made, self._number("begin", tensor), [k])
        for tensor in layout.kept:
            if layout.pixels[tensor].first < 0 or any(self._outside(tensor)):
                store = self.rows.layout.stores[tensor]
                with T.If(self.row == 0), T.Then():
                    self.rows.fill(T.int32(store.offset), layout.buffers[tensor].pad_value, store.nbytes)

    def _outside(self, tensor: str) -> tuple[bool, bool]:
        """Tell whether columns before the first one of a tensor are needed, and behind the last one."""
        per_band = self.rows.values.per_band
        begins, untils = (per_band[f"{n}{self.element}_{tensor}"] for n in ("begin", "until"))
        return min(begins) < 0, max(untils) > self.layout.widths[tensor]

    def _limits(self, tensor: str) -> tuple[Expr, Expr]:
        """Emit which of a tile's rows lie inside a tensor; return the first and one past the last one."""
        reached, height = self.layout.pixels[tensor], self.layout.heights[tensor]
        at = self.row * reached.stride + reached.first
        low: Expr = T.int32(0)
        high: Expr = T.int32(reached.size)
        if reached.first < 0:
            low = bind("low", T.max(T.int32(0), 0 - at))
        if (self.layout.runs - 1) * self.layout.rows * reached.stride + reached.end > height:
            high = bind("high", T.min(T.int32(reached.size), height - at))
        return low, high

    def _kept_rows(self, tensor: str) -> int:
        return self.layout.kept[tensor].rows if tensor in self.layout.kept else 0

    # -- making rows

    def _make(self, i: int, tensor: str, now: _Tile) -> None:
        """Emit the making of what a tile has new of a tensor, padding included."""
        layout, k = self.layout, self.position[tensor]
        reached, across = layout.pixels[tensor], layout.across[tensor]
        begin = bind("begin", self.made[k])
        until = self._number("until", tensor)
        end = bind("end", T.max(begin, T.min((now.end - 1) * across.stride + across.end, until)))
        T.buffer_store(self.made, end, [k])
        width = layout.widths[tensor]
        first, last = bind("left", T.max(begin, T.int32(0))), bind("right", T.min(end, T.int32(width)))
        low, high = self.limits[tensor]
        kept = self._kept_rows(tensor)
        with self._some(i, last - first) as columns:
            if kept:  # the first run makes those that the others find
                with T.If(self.row == 0), T.Then(), loop("r", T.min(low, kept), T.min(high, kept)) as r:
                    self._call(i, r, first, columns, now, kept=True)
            with loop("r", T.max(low, kept), high) as r:
                self._call(i, r, first, columns, now)
        before, behind = self._outside(tensor)
        every = T.int32(kept), T.int32(reached.size)
        if before:
            with T.If(begin < 0), T.Then():
                self._fill(tensor, *every, begin, T.min(end, T.int32(0)), now)
        if behind:
            with T.If(end > width), T.Then():
                self._fill(tensor, *every, T.max(begin, T.int32(width)), end, now)
        if reached.first < 0:
            self._fill(tensor, T.int32(kept), low, begin, end, now)
        if not isinstance(high, tirx.IntImm):
            self._fill(tensor, T.max(high, T.int32(kept)), T.int32(reached.size), begin, end, now)

    @contextmanager
    def _some(self, i: int, columns: Expr) -> Iterator[Expr]:
        """Emit what follows where there are columns to make; yield their number."""
        count = bind("columns", columns)
        if not self.functions[i].sometimes_none:
            yield count
            return
        with T.If(count > 0), T.Then():
            yield count

    def _write(self, i: int, now: _Tile) -> None:
        """Emit the making of the output's rows."""
        layout = self.layout
        out = self.parts[i].output
        height = layout.heights[out]
        rows = T.int32(layout.rows)
        count = rows if height % layout.rows == 0 else bind("rows", T.min(rows, height - self.row))
        columns = bind("columns", now.end - now.first)
        with loop("r", 0, count) as r:
            self._call(i, r, now.first, columns, now)

    def _fill(self, tensor: str, first: Expr, end: Expr, begin: Expr, until: Expr, now: _Tile) -> None:
        """Emit the filling of columns of some rows of a tile with padding."""
        buffer = self.layout.buffers[tensor]
        with loop("r", first, end) as r:
            size = (until - begin) * buffer.pixel_bytes
            self.rows.fill(self._in_tile(tensor, r, begin, now), buffer.pad_value, size)

    def _call(self, i: int, r: Expr, column: Expr, columns: Expr, now: _Tile, *, kept: bool = False) -> None:
        """Emit the call that makes columns of a row of what an operator makes; `kept` is a row that is kept."""
        part, functions, own = self.parts[i], self.functions[i], self.layout.pixels[self.parts[i].output]
        arguments: list[Expr] = []
        for j, tensor in enumerate(part.inputs):
            window = self.layout.unturned[i].rows[j]
            if (i, j) not in self.layout.buffered:
                arguments.append(T.address_of(self.rows.stored(tensor)[0]))
                continue
            begin = column * window.column_stride - window.columns_before
            for k in range(window.size):
                more = own.first * window.stride - window.pad_before + k * window.dilation
                arguments.append(self._pointer(tensor, window, r, more, begin, now))
        arguments += self.rows.constants_of(self.part + i)
        if self.parts[i].kernel.scratch_bytes:
            at = self.base + self.layout.scratch_offset
            arguments.append(T.address_of(self.rows.buffers["scratch"][at]))
        arguments.append(self._out(part.output, r, column, now, kept=kept))
        self._choose(list(functions.fixed.items()), functions.free, arguments, columns)
        self.rows.report(self.part + i)

    def _choose(
        self,
        fixed: Sequence[tuple[int, GlobalVar]],
        free: GlobalVar | None,
        arguments: Sequence[Expr],
        columns: Expr,
    ) -> None:
        """Emit the call of the kernel that makes so many columns."""
        if not fixed:
            assert free is not None
            self.rows.call(free, [*arguments, columns])
            return
        (count, function), *others = fixed
        if not others and free is None:
            self.rows.call(function, arguments)
            return
        with T.If(columns == count):
            with T.Then():
                self.rows.call(function, arguments)
            with T.Else():
                self._choose(others, free, arguments, columns)

    def _pointer(self, tensor: str, window: RowWindow, r: Expr, more: int, column: Expr, now: _Tile) -> Expr:
        """Return where a row of a window begins, the first of which is row ``r * stride + more`` of the run's."""
        if tensor not in self.layout.buffers:
            return self._from_outside(tensor, window, r, more, column)
        row = r * window.stride + (more - self.layout.pixels[tensor].first)
        place = self._in_tile(tensor, row, column, now)
        if kept := self._kept_rows(tensor):
            place = tirx.Select(row < kept, self._in_store(tensor, row, column), place)
        return T.address_of(self.rows.cells(tensor)[place])

    def _from_outside(self, tensor: str, window: RowWindow, r: Expr, more: int, column: Expr) -> Expr:
        j = self.desc.inputs.index(tensor)
        buffered = (self.element, j) in self.rows.layout.buffered
        channels = self.rows.tensors[tensor].shape[3]
        row = self.row * self.layout.pixels[tensor].stride + r * window.stride
        cells, start = self.rows.row_of(tensor, row, more, buffered=buffered)
        if buffered:
            column = column - self.rows.number(f"first_{tensor}")
        return T.address_of(cells[start + column * channels])

    def _out(self, tensor: str, r: Expr, column: Expr, now: _Tile, *, kept: bool) -> Expr:
        if tensor in self.layout.buffers:
            place = self._in_store(tensor, r, column) if kept else self._in_tile(tensor, r, column, now)
            return T.address_of(self.rows.cells(tensor)[place])
        stored = tensor in self.rows.layout.stored
        cells, start = self.rows.row_of(tensor, self.row + r, buffered=not stored)
        if not stored:
            column = column - self.rows.number(f"first_{tensor}")
        return T.address_of(cells[start + column * self.rows.tensors[tensor].shape[3]])

    # -- places

    def _in_tile(self, tensor: str, r: Expr, column: Expr, now: _Tile) -> Expr:
        """Return where a column of a row of a tile lies."""
        buffer, across = self.layout.buffers[tensor], self.layout.across[tensor]
        column = column - (now.first * across.stride + across.first)
        row = (r - self._kept_rows(tensor)) * buffer.slot_bytes
        return self.base + buffer.offset + row + column * buffer.pixel_bytes

    def _in_store(self, tensor: str, r: Expr, column: Expr) -> Expr:
        """Return where a column of a row that is kept lies."""
        store, stride = self.rows.layout.stores[tensor], self.layout.pixels[tensor].stride
        slot = T.truncmod(self.row * stride + r, T.int32(store.rows))
        column = column - self._number("begin", tensor)
        return store.offset + slot * store.row_bytes + column * store.pixel_bytes

    # -- leaving a tile

    def _keep(self, tensor: str, now: _Tile) -> None:
        """Emit the keeping of the columns that no tile needs any more, in the place of the oldest rows."""
        layout, across = self.layout, self.layout.across[tensor]
        size, scratch = layout.pixels[tensor].size, self.rows.cells(tensor)
        begin, until = self._number("begin", tensor), self._number("until", tensor)

        def inside(x: Expr) -> Expr:
            return T.max(T.min(x * across.stride + across.first, until), begin)

        first = bind("first", inside(now.first))
        end = bind("after", tirx.Select(now.end < now.last, inside(now.end), until))
        with loop("r", size - layout.kept_anew(tensor), size) as r:
            at, origin = self._in_store(tensor, r, first), self._in_tile(tensor, r, first, now)
            self.rows.copy(at, scratch, origin, (end - first) * layout.buffers[tensor].pixel_bytes)

    def _move(self, now: _Tile) -> None:
        """Emit the moving of the columns that the next tile needs again to the begin of their rows."""
        held = [t for t in self.layout.buffers if self.layout.held(t)]
        if not held:
            return
        with T.If(now.end < now.last), T.Then():
            for tensor in held:
                buffer, step = (
                    self.layout.buffers[tensor],
                    self.layout.tile * self.layout.across[tensor].stride,
                )
                count, scratch = self.layout.held(tensor), self.rows.cells(tensor)
                with loop("r", 0, buffer.slots) as r:
                    start = bind("start", self.base + buffer.offset + r * buffer.slot_bytes)
                    for column in range(0, count, step):  # as many at once as do not overlap where they go
                        size = min(step, count - column) * buffer.pixel_bytes
                        at = start + column * buffer.pixel_bytes
                        self.rows.copy(at, scratch, at + step * buffer.pixel_bytes, T.int32(size))
