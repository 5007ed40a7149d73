"""A picture of the memory that each operator needs."""

from __future__ import annotations

import io
from pathlib import Path

from tvm_patch.errors import ToolMissingError
from tvm_patch.report.atomic import write_bytes
from tvm_patch.report.models import InspectReport


def require_matplotlib() -> None:
    """Raise ToolMissingError when matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ToolMissingError(
            "--plot needs matplotlib; install it with: pip install 'tvm-patch[plot]'"
        ) from error


def plot_memory(report: InspectReport, path: Path) -> Path:
    """Draw bytes in use per operator, the peak marked, to a picture file.

    Parameters
    ----------
    report : InspectReport
    path : Path
        The ending gives the format: ``.png``, ``.svg`` or ``.pdf``.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    live = [op.live_bytes / 1024 for op in report.operators]
    colours = ["#c0392b" if op.index == report.peak_operator else "#2e86c1" for op in report.operators]
    figure = Figure(figsize=(max(6.0, 0.18 * len(live) + 2), 4.0), layout="constrained")
    axes = figure.add_subplot()
    axes.bar(range(len(live)), live, color=colours, width=0.85)
    axes.axhline(report.arena_bytes / 1024, color="black", linewidth=0.8, linestyle="--")
    axes.set_xlabel("operator")
    axes.set_ylabel("arena in use, KiB")
    axes.set_title(f"{report.model}: arena {report.arena_bytes / 1024:.1f} KiB")
    picture = io.BytesIO()
    figure.savefig(picture, format=path.suffix.lstrip(".") or "png", dpi=150)
    return write_bytes(path, picture.getvalue())
