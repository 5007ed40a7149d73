"""Pictures of a search for a space: MCUNet's figures 3 and 12."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tvm_patch.report.plot_parts import legend_beside, require_matplotlib, save

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tvm_patch.driver.search_space import SpaceSearch

_LINES = 8
"""Spaces that have a name in the picture."""


def plot_spaces(found: SpaceSearch, folder: Path) -> list[Path]:
    """Write the pictures of a search: ``macs-<way>.png`` and ``best-<way>.png``.

    Parameters
    ----------
    found : SpaceSearch
    folder : Path
        Exists.
    """
    require_matplotlib()
    way = found.settings.way
    return [
        save(macs_figure(found), folder / f"macs-{way}.png"),
        save(best_figure(found), folder / f"best-{way}.png"),
    ]


def macs_figure(found: SpaceSearch) -> Figure:
    """Draw how the multiply-accumulates of networks that fit are distributed, space by space."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for place, judged in enumerate(found.others):
        macs = sorted(p.macs / 1e6 for p in judged.surveyed.fitting(found.limits.sram, found.limits.flash))
        if not macs:
            continue
        shares = [(i + 1) / len(macs) for i in range(len(macs))]
        named = place < _LINES
        space = judged.surveyed.space
        style = (
            {"label": f"{space.name}: {judged.mean_macs / 1e6:.1f} M, {100 * judged.share:.0f} % fit"}
            if named
            else {"color": "#c8ccd0", "linewidth": 0.5, "zorder": 0}
        )
        axes.plot(macs, shares, **({"linewidth": 1.2} | style))
    axes.set_xlabel("MACs of networks that fit, millions")
    axes.set_ylabel("share of them with at most so many")
    axes.set_ylim(0, 1)
    axes.set_title(
        f"{found.limits.sram / 1024:g} KiB of SRAM, {found.limits.flash / 1024:g} KiB of flash, "
        f"{found.settings.way}",
        fontsize=11,
    )
    legend_beside(axes)
    return figure


def best_figure(found: SpaceSearch) -> Figure:
    """Draw the width and the resolution of the best space over SRAM, a line for every size of flash."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.6), layout="constrained")
    for place, what in enumerate(("width", "resolution")):
        axes = figure.add_subplot(1, 2, place + 1)
        for flash in sorted({cell.flash for cell in found.cells}):
            cells = [c for c in found.cells if c.flash == flash and c.best is not None]
            values = []
            for cell in cells:
                assert cell.best is not None
                space = cell.best.surveyed.space
                values.append(space.width if what == "width" else max(space.resolutions))
            axes.plot(
                [c.sram / 1024 for c in cells], values, marker="o", markersize=3, label=f"{flash // 1024} KiB"
            )
        axes.set_xlabel("SRAM, KiB")
        axes.set_ylabel(f"{what} of the best space")
    axes.legend(title="flash", frameon=False, fontsize=8)
    return figure
