"""What ``tvm-patch search-space`` reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from tvm_patch.report.columns import Bar, Cell, Column, fitted
from tvm_patch.report.models import Report
from tvm_patch.report.text import UNKNOWN, count, kib

if TYPE_CHECKING:
    from tvm_patch.driver.search_space import SpaceSearch
    from tvm_patch.nas.space_search import Judged

_SHOWN = 10


class SpaceReport(Report):
    """A space under the limits.

    Attributes
    ----------
    name : str
    width : float
    resolutions : list of int
    share : float
        Of its samples that fit.
    mean_macs : float
        Of those.
    """

    name: str
    width: float
    resolutions: list[int]
    share: float
    mean_macs: float


class CellReport(Report):
    """The best space for memories of a size.

    Attributes
    ----------
    sram_bytes, flash_bytes : int
    space : SpaceReport or None
        None where nothing fits.
    """

    sram_bytes: int
    flash_bytes: int
    space: SpaceReport | None


class SearchSpaceReport(Report):
    """A search for a space.

    Attributes
    ----------
    board, target, family, schedule, input_mode, folder : str
    sram_bytes, flash_bytes, samples, seed : int
    best : SpaceReport
    spaces : list of SpaceReport
        The best first.
    grid : list of CellReport
    """

    board: str
    target: str
    family: str
    schedule: str
    input_mode: str
    folder: str
    sram_bytes: int
    flash_bytes: int
    samples: int
    seed: int
    best: SpaceReport
    spaces: list[SpaceReport]
    grid: list[CellReport]


def search_space_report(board: str, family: str, folder: str, found: SpaceSearch) -> SearchSpaceReport:
    """Return the report of a search."""
    settings = found.settings
    return SearchSpaceReport(
        board=board,
        target=settings.target,
        family=family,
        schedule=settings.way,
        input_mode=settings.mode,
        folder=folder,
        sram_bytes=found.limits.sram,
        flash_bytes=found.limits.flash,
        samples=settings.samples,
        seed=settings.seed,
        best=_space(found.best),
        spaces=[_space(judged) for judged in found.others],
        grid=[
            CellReport(sram_bytes=c.sram, flash_bytes=c.flash, space=_space(c.best) if c.best else None)
            for c in found.cells
        ],
    )


def _space(judged: Judged) -> SpaceReport:
    space = judged.surveyed.space
    return SpaceReport(
        name=space.name,
        width=space.width,
        resolutions=list(space.resolutions),
        share=judged.share,
        mean_macs=judged.mean_macs,
    )


def print_search_space(console: Console, report: SearchSpaceReport) -> None:
    """Print the best spaces, and the best one for other memories."""
    console.print(
        f"{report.family} for {report.board}: {kib(report.sram_bytes)} of SRAM, {kib(report.flash_bytes)} of "
        f"flash, {report.samples:,} networks a space, {report.schedule}, {report.input_mode} input"
    )
    shown = [s for s in report.spaces[:_SHOWN] if s.share]
    most = max((s.mean_macs for s in shown), default=0.0)
    columns = [
        Column("space", least=12),
        Column("width", right=True, drop=2),
        Column("pixels", right=True, drop=1),
        Column("fit", right=True),
        Column("mean MACs of those that fit"),
    ]
    rows: list[list[Cell]] = [
        [
            s.name,
            f"{s.width:g}",
            _pixels(s),
            f"{100 * s.share:.1f} %",
            Bar(s.mean_macs, most, f" {count(round(s.mean_macs))}"),
        ]
        for s in shown
    ]
    console.print(fitted(console, columns, rows))
    srams = sorted({c.sram_bytes for c in report.grid})
    cells = {(c.sram_bytes, c.flash_bytes): c.space for c in report.grid}
    console.print("width and pixels of the best space, by SRAM and flash")
    columns = [Column("flash"), *(Column(f"{s // 1024} KiB", right=True) for s in srams)]
    rows = [
        [f"{flash // 1024} KiB", *(_best(cells[s, flash]) for s in srams)]
        for flash in sorted({c.flash_bytes for c in report.grid})
    ]
    console.print(fitted(console, columns, rows))
    console.print(f"the space is in {report.folder}/space.json")


def _pixels(space: SpaceReport) -> str:
    low, high = min(space.resolutions), max(space.resolutions)
    return f"{low}" if low == high else f"{low}–{high}"


def _best(space: SpaceReport | None) -> str:
    return UNKNOWN if space is None else f"{space.width:g} × {_pixels(space)}"
