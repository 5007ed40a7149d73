"""What the pictures have in common: size, segments, labels, the file."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tvm_patch.errors import ToolMissingError, UserError
from tvm_patch.files import check_can_write, write_bytes
from tvm_patch.report.models import SegmentReport

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BEFORE, AFTER, PEAK, QUIET = "#c8ccd0", "#2e86c1", "#c0392b", "#f3f5f7"
FORMATS = ("png", "svg", "pdf")
_LONGEST_NAME = 60
_COLUMNS_PER_LABEL = 0.035
"""Least distance of two labels of segments, as a part of the width."""


def check_plot(path: Path) -> None:
    """Raise UserError when no picture can be written to `path`: checked before long work, not after it.

    Raises
    ------
    ToolMissingError
        When matplotlib is not installed.
    UserError
        When the ending is of no known format, or the file cannot be written.
    """
    require_matplotlib()
    if path.suffix.lower().lstrip(".") not in FORMATS:
        raise UserError(f"{path}: a picture ends in .{', .'.join(FORMATS)}")
    check_can_write(path)


def require_matplotlib() -> None:
    """Raise ToolMissingError when matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ToolMissingError(
            "--plot needs matplotlib; install it with: pip install 'tvm-patch[plot]'"
        ) from error


def width_for(operators: int) -> float:
    """Return inches for bars of so many operators: wide enough to tell them apart, narrow enough for a page."""
    return max(5.5, min(0.13 * operators + 1.5, 12.0))


def title(axes: Any, name: str, text: str) -> None:
    """Give a picture the model's name, whatever characters it has."""
    shown = name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
    shown = shown.encode("utf-8", "replace").decode()
    axes.set_title(f"{shown}: {text}", parse_math=False, fontsize=11)


def operator_axis(axes: Any, count: int) -> None:
    """Give operators whole numbers along x."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlim(-0.6, count - 0.4)
    axes.xaxis.set_major_locator(MaxNLocator(nbins="auto", integer=True, min_n_ticks=1))


def mark_segments(axes: Any, segments: Sequence[SegmentReport], count: int) -> None:
    """Shade every other segment, write in how many bands it runs, and say under the axis what the marks mean.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        With one unit an operator along x; its limits along y are final.
    segments : sequence of SegmentReport
        In run order.
    count : int
        Number of operators.
    """
    from matplotlib.transforms import blended_transform_factory

    meaning = ["operator"]
    if segments:
        meaning.append("dotted: cuts between segments")
    if any(s.bands > 1 and not s.patch_rows for s in segments):
        meaning.append("×n: n bands")
    if any(s.patch_rows for s in segments):
        meaning.append("n×n: patches")
    if any(s.channels for s in segments):
        meaning.append("cn: blocks of n channels")
    if any(s.composites for s in segments):
        meaning.append("+: composites")
    axes.set_xlabel("; ".join(meaning))
    place = blended_transform_factory(axes.transData, axes.transAxes)
    free = -1.0
    for i, segment in enumerate(segments):
        # An operator that runs in two passes is shaded with the second one.
        first, last = min(segment.operators), max(segment.operators)
        if i % 2:
            axes.axvspan(first - 0.5, last + 0.5, color=QUIET, zorder=0)
        if i:
            axes.axvline(first - 0.5, color="black", linewidth=0.4, linestyle=":", zorder=1)
        middle = (first + last) / 2
        if segment.mark and middle >= free:
            axes.text(
                middle, 0.985, segment.mark, transform=place, ha="center", va="top", fontsize=7, color=PEAK
            )
            free = middle + _COLUMNS_PER_LABEL * count


def legend_below(axes: Any, columns: int = 1) -> None:
    """Put the legend under the axes, where it hides nothing."""
    axes.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.17),
        ncols=columns,
        frameon=False,
        fontsize=8,
        borderaxespad=0.0,
    )


def legend_beside(axes: Any) -> None:
    """Put the legend to the right of the axes, one entry a line."""
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=8, borderaxespad=0.0)


def save(figure: Figure, path: Path) -> Path:
    """Write a figure in the format that the ending of `path` names."""
    picture = io.BytesIO()
    with warnings.catch_warnings():
        # A name in letters that the font lacks is still a picture.
        warnings.simplefilter("ignore")
        figure.savefig(picture, format=path.suffix.lower().lstrip("."), dpi=150)
    return write_bytes(path, picture.getvalue())
