"""Which space to search in: the one whose networks that fit a board do the most work.

MCUNet (Lin et al. 2020), section 3.1: a network that may do more multiply-accumulates in the same memory is likelier to
be accurate, and that can be said of a space before anything is trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

from tvm_patch.errors import UserError
from tvm_patch.nas.survey import Point, Surveyed

LEAST_SHARE = 0.02
"""Part of a space's samples that must fit before its mean says something of it."""
KEPT = 10
"""Spaces of which the planner is asked."""
GRID_SRAM = tuple(kib * 1024 for kib in (192, 256, 320, 384, 448, 512))
GRID_FLASH = tuple(kib * 1024 for kib in (512, 1024, 1536, 2048))
"""Memories for which the best space is drawn, as in MCUNet's figure 12."""
SMALL_SRAM = tuple(kib * 1024 for kib in (8, 16, 24, 32, 48, 64))
SMALL_FLASH = tuple(kib * 1024 for kib in (64, 128, 192, 256))
"""The same for less SRAM than any of those."""


class Judged(NamedTuple):
    """A space under limits of memory.

    Attributes
    ----------
    surveyed : Surveyed
    share : float
        Of the samples that fit.
    mean_macs : float
        Of those; 0 where none fits.
    """

    surveyed: Surveyed
    share: float
    mean_macs: float

    @property
    def rank(self) -> tuple[bool, float, float]:
        """What is larger for a better space: whether enough fits, then the mean."""
        enough = self.share >= LEAST_SHARE
        return enough, self.mean_macs if enough else self.share, self.share


def judge(surveys: Sequence[Surveyed], sram: int, flash: int) -> list[Judged]:
    """Return spaces under limits of memory, the best first.

    Parameters
    ----------
    surveys : sequence of Surveyed
    sram, flash : int
        Bytes.
    """
    found = []
    for surveyed in surveys:
        macs = [point.macs for point in surveyed.fitting(sram, flash)]
        found.append(Judged(surveyed, len(macs) / len(surveyed.points), fmean(macs) if macs else 0.0))
    return sorted(found, key=lambda j: j.rank, reverse=True)


def best_space(surveys: Sequence[Surveyed], sram: int, flash: int) -> Judged:
    """Return the best space under limits of memory.

    Raises
    ------
    UserError
        When no sample of any fits; names the nearest limits under which one does.
    """
    best = judge(surveys, sram, flash)[0]
    if not best.share:
        points = [point for surveyed in surveys for point in surveyed.points]
        raise UserError(unsatisfiable(points, sram, flash))
    return best


def unsatisfiable(points: Sequence[Point], sram: int, flash: int) -> str:
    """Return the message that no network fits, with the nearest limits that can be kept."""
    in_flash = [p.arena for p in points if p.flash <= flash]
    in_sram = [p.flash for p in points if p.arena <= sram]
    ways = []
    if in_flash:
        ways.append(f"{min(in_flash):,} bytes of SRAM with this flash")
    if in_sram:
        ways.append(f"{min(in_sram):,} bytes of flash with this SRAM")
    if not ways:
        near = min(points, key=lambda p: max(p.arena / sram, p.flash / flash))
        ways.append(f"{near.arena:,} bytes of SRAM and {near.flash:,} of flash")
    return (
        f"none of {len(points):,} networks fits {sram:,} bytes of SRAM and {flash:,} of flash; "
        f"what does: {', or '.join(ways)}"
    )


class Cell(NamedTuple):
    """The best space for a board's memories: None where nothing fits."""

    sram: int
    flash: int
    best: Judged | None


def grid(surveys: Sequence[Surveyed], sram: int) -> list[Cell]:
    """Return the best space for memories of several sizes.

    Parameters
    ----------
    surveys : sequence of Surveyed
        Samples were measured once; a cell keeps those that fit it.
    sram : int
        Bytes that are asked about: the sizes are those of boards that are like it.
    """
    srams, flashes = (GRID_SRAM, GRID_FLASH) if sram > SMALL_SRAM[-1] else (SMALL_SRAM, SMALL_FLASH)
    cells = []
    for flash in flashes:
        for size in srams:
            best = judge(surveys, size, flash)[0]
            cells.append(Cell(size, flash, best if best.share else None))
    return cells
