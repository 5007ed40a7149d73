"""The numbers of a patched segment that may differ from patch to patch."""

from __future__ import annotations

from collections.abc import Mapping

from tvm_patch.planner.layout.patches import PatchLayout


class PatchNumbers:
    """Rows and columns of a patched segment, by patch.

    Names: ``row{i}`` and ``rows{i}``, the first row that operator i makes and how many; ``columns{i}``; ``to{i}``,
    where its output begins in its row; ``from{i}_{j}``, where its input j does.  For each region buffer: ``top_`` (the
    tensor's row in its first line), ``above_``, ``inside_``, ``below_`` (lines of padding, tensor, padding), ``left_``,
    ``within_``, ``right_`` (columns of each), ``first_`` and ``column_`` (first row and column inside the tensor),
    followed by the tensor's name.

    Parameters
    ----------
    layout : PatchLayout
        The segment.
    shapes : mapping of str to tuple of int
        Batch, height and width of every tensor.
    """

    def __init__(self, layout: PatchLayout, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.layout, self.shapes = layout, shapes
        self.by_row: dict[str, tuple[int, ...]] = {}
        self.by_column: dict[str, tuple[int, ...]] = {}
        for i in range(len(layout.operators)):
            self._declare_operator(i)
        for name in layout.buffers:
            self._declare_buffer(name)

    def of(self, name: str, y: int, x: int) -> int:
        """Return a number of the patch in row `y` and column `x`."""
        return self.by_row[name][y] if name in self.by_row else self.by_column[name][x]

    def ever(self, name: str) -> bool:
        """Tell whether a number is other than 0 in some patch."""
        return any(self.by_row.get(name) or self.by_column[name])

    def varying(self) -> list[str]:
        """Return the names of the numbers that differ between patches."""
        return [n for n, v in {**self.by_row, **self.by_column}.items() if len(set(v)) > 1]

    def _declare_operator(self, i: int) -> None:
        layout = self.layout
        op, region = layout.operators[i], layout.regions[i]
        self.by_row[f"row{i}"] = region.rows.first
        self.by_row[f"rows{i}"] = _minus(region.rows.end, region.rows.first)
        self.by_column[f"columns{i}"] = _minus(region.columns.end, region.columns.first)
        held = layout.buffers.get(op.outputs[0])
        first = region.columns.first
        self.by_column[f"to{i}"] = _minus(first, held.region.columns.first) if held else first
        for j, (tensor, window) in enumerate(zip(op.inputs, op.rows, strict=True)):
            need = region.columns.needs(window).first
            if not window.column_stride:
                need = (0,) * layout.bands  # a broadcast row is read whole
            elif (i, j) in layout.buffered:
                need = _minus(need, layout.buffers[tensor].region.columns.first)
            self.by_column[f"from{i}_{j}"] = need

    def _declare_buffer(self, name: str) -> None:
        region = self.layout.buffers[name].region
        _, height, width = self.shapes[name]
        rows, columns = region.rows.clipped(height), region.columns.clipped(width)
        self.by_row |= {
            f"top_{name}": region.rows.first,
            f"first_{name}": rows.first,
            f"above_{name}": _minus(rows.first, region.rows.first),
            f"inside_{name}": _minus(rows.end, rows.first),
            f"below_{name}": _minus(region.rows.end, rows.end),
        }
        self.by_column |= {
            f"column_{name}": columns.first,
            f"left_{name}": _minus(columns.first, region.columns.first),
            f"within_{name}": _minus(columns.end, columns.first),
            f"right_{name}": _minus(region.columns.end, columns.end),
        }


def _minus(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(x - y for x, y in zip(a, b, strict=True))
