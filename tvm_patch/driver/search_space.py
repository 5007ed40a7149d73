"""Search for the space to search in, for a board."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from microtvm_project.arena_room import board_sram
from microtvm_project.boards import get_board
from tvm_patch.errors import UserError
from tvm_patch.nas.space_search import KEPT, Cell, Judged, best_space, grid, judge
from tvm_patch.nas.spaces import family_of
from tvm_patch.nas.survey import Settings, Surveyed, survey

SPACE_FILE = "space.json"
"""The chosen space, in the folder of results."""
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Limits:
    """Of memory, in bytes.

    Attributes
    ----------
    sram : int
        Of the arena.
    flash : int
        Of constants and code.
    """

    sram: int
    flash: int


@dataclass(frozen=True)
class SpaceSearch:
    """What was found.

    Attributes
    ----------
    limits : Limits
    settings : Settings
    surveys : list of Surveyed
        By space.
    best : Judged
    others : list of Judged
        All spaces, the best first.
    cells : list of Cell
        The best space for other memories.
    """

    limits: Limits
    settings: Settings
    surveys: list[Surveyed]
    best: Judged
    others: list[Judged]
    cells: list[Cell]


def limits_of(board: str, sram: int | None, flash: int | None) -> Limits:
    """Return what is asked for, or what a board has; of its SRAM a little is left for stack and static data.

    Raises
    ------
    UserError
        When neither says.
    """
    found = get_board(board)
    if sram is None:
        sram = board_sram(found) or None
    if flash is None:
        flash = sum(m.length for m in found.memories if m.name == "FLASH") or None
    if sram is None or flash is None:
        raise UserError(f"{board} has no memories of known size; give --sram and --flash")
    return Limits(sram, flash)


def search_space(
    board: str,
    family: str,
    settings: Settings,
    limits: Limits,
    folder: Path,
    classes: int = 1000,
    workers: int = 1,
    progress: Progress | None = None,
) -> SpaceSearch:
    """Return the space of a family whose networks do the most work in a board's memories, and write it to the folder.

    Parameters
    ----------
    board : str
        Its core counts.
    family : str
        See :data:`tvm_patch.nas.spaces.FAMILIES`.
    settings : Settings
        The planner is asked of the ten best spaces in patches only (layer by layer, where the picture is streamed).
    limits : Limits
    folder : Path
        Keeps results, so that an interrupted search goes on.
    classes : int
    workers : int
        Processes.
    progress : callable, optional
        Called with what is being done and the fraction done.

    Raises
    ------
    UserError
        When nothing fits (says what does), or the folder holds something else.
    """
    settings = settings.model_copy(update={"target": get_board(board).cpu})
    spaces = family_of(family, classes)

    def run(some: Settings) -> list[Surveyed]:
        def step(done: int, all_: int) -> None:
            if progress is not None:
                progress(f"{some.way}: {done} of {all_} spaces", done / all_)

        return survey(spaces, some, folder / some.way, workers, step)

    if settings.way == "planner":
        way = "layers" if settings.mode == "streamed" else "patches"
        first = run(settings.model_copy(update={"way": way}))
        spaces = tuple(judged.surveyed.space for judged in judge(first, limits.sram, limits.flash)[:KEPT])
    surveys = run(settings)
    best = best_space(surveys, limits.sram, limits.flash)
    best.surveyed.space.save(folder / SPACE_FILE)
    others = judge(surveys, limits.sram, limits.flash)
    return SpaceSearch(limits, settings, surveys, best, others, grid(surveys, limits.sram))
