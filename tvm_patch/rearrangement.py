"""Where reshapes and transposes leave the elements of a tensor, and whether that is known row by row.

A tensor is walked in its own order as nested axes, outermost first, each with a stride in what it was made from.  A
reshape only groups them anew, a transpose brings groups into another order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

Shape = tuple[int, ...]
MOST_ROWS = 16
"""Rows that one may be made of: a function of a row has a parameter for each."""


@dataclass(frozen=True)
class Axis:
    """Some of the elements that a tensor is walked in.

    Attributes
    ----------
    extent : int
    stride : int
        Elements of the source from one to the next.
    """

    extent: int
    stride: int


Axes = tuple[Axis, ...]


def dense(size: int) -> Axes:
    """Return the axes of a tensor that is walked as it lies."""
    return (Axis(size, 1),)


def merged(axes: Sequence[Axis]) -> Axes:
    """Return as few axes as walk the same elements."""
    found: list[Axis] = []
    for axis in axes:
        if axis.extent == 1:
            continue
        if found and found[-1].stride == axis.stride * axis.extent:
            found[-1] = Axis(found[-1].extent * axis.extent, axis.stride)
        else:
            found.append(axis)
    return tuple(found)


def grouped(axes: Sequence[Axis], shape: Sequence[int]) -> tuple[Axes, ...] | None:
    """Return the axes of each dimension of `shape`; None where a dimension ends within an axis that does not divide."""
    left, groups = list(axes), list[Axes]()
    for extent in reversed(shape):
        group: list[Axis] = []
        missing = extent
        while missing > 1:
            axis = left.pop()
            if missing % axis.extent and axis.extent % missing:
                return None
            taken = min(axis.extent, missing)
            group.append(Axis(taken, axis.stride))
            if taken < axis.extent:
                left.append(Axis(axis.extent // taken, axis.stride * taken))
            missing //= taken
        groups.append(tuple(reversed(group)))
    return tuple(reversed(groups))


def transposed(axes: Axes, shape: Sequence[int], order: Sequence[int]) -> Axes | None:
    """Return the axes of a tensor of `shape` whose dimensions are brought into an order; None as :func:`grouped`."""
    groups = grouped(merged(axes), shape)
    return None if groups is None else merged([axis for k in order for axis in groups[k]])


def as_split(axes: Sequence[Axis]) -> tuple[list[int], list[int]]:
    """Return the extents that a source is split into, and in which order of them it is walked."""
    by_place = sorted(range(len(axes)), key=lambda k: -axes[k].stride)
    return [axes[k].extent for k in by_place], [by_place.index(k) for k in range(len(axes))]


def from_split(split: Sequence[int], order: Sequence[int]) -> Axes:
    """Return the axes of a tensor that is split into extents which are walked in an order."""
    return merged([Axis(split[k], prod(split[k + 1 :])) for k in order])


@dataclass(frozen=True)
class RowForm:
    """How a row of a tensor (1, H, W, C) is made from rows of the one that it is a rearrangement of.

    Row y is made of the rows from ``y // divisor * rows`` on, as many as `rows` says; one of the two is 1.

    Attributes
    ----------
    rows : int
    divisor : int
        Rows that are made from the same ones.
    phase_stride : int
        Elements further on in a row that the next of those begins.
    columns : Axes
        Of a row that is made: its columns.
    channels : Axes
        And what lies in a column.  An axis whose stride is the elements of a row goes over rows.
    """

    rows: int
    divisor: int
    phase_stride: int
    columns: Axes
    channels: Axes


def row_form(axes: Sequence[Axis], before: Shape, after: Shape) -> RowForm | None:
    """Return how rows are made from rows, None where they are not.

    Parameters
    ----------
    axes : sequence of Axis
        In the order of the tensor that is made.
    before, after : tuple of int
        Shapes of its source and of itself.
    """
    if len(before) != 4 or len(after) != 4 or before[0] != 1 or after[0] != 1:
        return None
    row = before[2] * before[3]
    groups = grouped(merged(axes), after[1:])
    cut = None if groups is None else [_cut(group, row) for group in groups]
    if cut is None or any(group is None for group in cut):
        return None
    down, columns, channels = (group for group in cut if group is not None)
    over = [axis for axis in (*columns, *channels) if axis.stride >= row]
    rows = over[0].extent if over else 1
    if len(over) > 1 or rows > MOST_ROWS or any(axis.stride != row for axis in over):
        return None
    steps = before[1] // rows
    stepping = (Axis(steps, rows * row),) if steps > 1 else ()
    inside = down[len(stepping) :]
    if down[: len(stepping)] != stepping or len(inside) > 1 or (over and inside):
        return None
    divisor, phase = (inside[0].extent, inside[0].stride) if inside else (1, 0)
    return RowForm(rows, divisor, phase, columns, channels) if phase < row else None


def _cut(axes: Axes, row: int) -> Axes | None:
    """Return axes of which each stays in a row of the source or goes from row to row."""
    found: list[Axis] = []
    for axis in axes:
        reach = axis.extent * axis.stride
        if axis.stride >= row or reach <= row:
            found.append(axis)
        elif row % axis.stride == 0 and reach % row == 0:
            found += [Axis(reach // row, row), Axis(row // axis.stride, axis.stride)]
        else:
            return None
    return tuple(found)
