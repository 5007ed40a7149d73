"""Tables that fit their terminal: what matters least is left out first, names are cut before numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tvm_patch.report.text import bar

_GAP = 2
_BARS = (24, 10, 6)
"""Cells of a bar: where there is room, where there is little, and where there is hardly any."""


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes
    ----------
    name : str
    right : bool
        Whether its cells stand at the right, as numbers do.
    drop : int
        0 for what is never left out; of the others, the greatest number goes first.
    least : int
        To how many characters its cells may be cut; 0 for not at all.
    fold : bool
        Whether they go on in the next line instead of being cut.
    """

    name: str
    right: bool = False
    drop: int = 0
    least: int = 0
    fold: bool = False


@dataclass(frozen=True)
class Bar:
    """A cell with a bar in it: `part` of `whole`, between two texts."""

    part: float
    whole: float
    after: str = ""
    before: str = ""

    def text(self, width: int) -> str:
        """Return the cell with a bar of so many characters."""
        return self.before + bar(self.part, self.whole, width) + self.after


Cell = str | Bar


def fitted(
    console: Console,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    styles: Sequence[str | None] = (),
) -> Table:
    """Return a table no wider than the console, as far as its columns allow.

    Parameters
    ----------
    console : Console
        Whose width counts.
    columns : sequence of Column
    rows : sequence of rows
        A cell a column, in rich's markup.
    styles : sequence of str or None
        Of the rows; none at all for plain ones.
    """
    kept, width, cut = list(range(len(columns))), _BARS[0], dict[int, int]()

    def total() -> int:
        return sum(cut.get(i) or _width(columns[i], [r[i] for r in rows], width) for i in kept) + _GAP * (
            len(kept) - 1
        )

    def cut_to(limit: int) -> None:
        for i in kept:
            if columns[i].least and total() > console.width:
                now = _width(columns[i], [r[i] for r in rows], width)
                cut[i] = max(columns[i].least, limit, now - (total() - console.width))
                cut[i] = min(cut[i], now)

    width = _BARS[0] if total() <= console.width else _BARS[1]
    cut_to(20)
    for i in sorted((i for i in kept if columns[i].drop), key=lambda i: -columns[i].drop):
        if total() > console.width:
            kept.remove(i)
            cut.clear()
            cut_to(20)
    width = width if total() <= console.width else _BARS[2]
    cut.clear()
    cut_to(0)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for i in kept:
        column = columns[i]
        table.add_column(
            column.name,
            justify="right" if column.right else "left",
            no_wrap=not column.fold,
            width=cut.get(i),
            overflow="fold" if column.fold else "ellipsis",
        )
    for row, style in zip(rows, styles or [None] * len(rows), strict=True):
        table.add_row(*(_text(row[i], width) for i in kept), style=style)
    return table


def _text(cell: Cell, width: int) -> str:
    return cell.text(width) if isinstance(cell, Bar) else cell


def _width(column: Column, cells: Sequence[Cell], bar_width: int) -> int:
    texts = [column.name, *(_text(c, bar_width) for c in cells)]
    return max(Text.from_markup(t).cell_len for t in texts)
