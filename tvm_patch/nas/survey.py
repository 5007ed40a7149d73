"""What the networks of a family of spaces take: samples of each space, measured once for all memories.

Results of a space are a file of its own, written when it is done: an interrupted survey goes on where it was.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import Field

from tvm_patch.errors import UserError
from tvm_patch.input_mode import InputMode
from tvm_patch.nas.architecture import Architecture
from tvm_patch.nas.code_size import code_bytes
from tvm_patch.nas.cost import Cost, layer_cost
from tvm_patch.nas.patched import best_patched
from tvm_patch.nas.planned import planned
from tvm_patch.nas.record import Part, Record
from tvm_patch.nas.space import Space
from tvm_patch.targets import Target, get_target

Way = Literal["layers", "patches", "planner"]
"""``layers``: layer by layer.  ``patches``: the best p×p patches.  ``planner``: the planner's quick answer."""

STREAMED = (
    "patches read rows of the input again: a streamed input cannot be had; use rereadable, or no patches"
)
"""Why patches are refused."""


class Point(NamedTuple):
    """What a network takes: bytes of arena, of constants and (estimated) of code, and multiply-accumulates."""

    arena: int
    constants: int
    code: int
    macs: int

    def fits(self, sram: int, flash: int) -> bool:
        """Return whether it fits so many bytes."""
        return self.arena <= sram and self.flash <= flash

    @property
    def flash(self) -> int:
        """Constants and code."""
        return self.constants + self.code


class Settings(Part):
    """What the results of a space depend on.

    Attributes
    ----------
    target : str
        Name of what networks run on.
    way : {"layers", "patches", "planner"}
    mode : {"resident", "rereadable", "streamed"}
        Where the picture comes from.
    max_overhead : float
        Most multiply-accumulates executed over those of the network, in patches or by the planner.
    samples : int
        Networks of each space.
    seed : int
    """

    target: str
    way: Way
    mode: InputMode = "resident"
    max_overhead: Annotated[float, Field(ge=1, le=16, allow_inf_nan=False)] = 1.5
    samples: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    seed: int = 0

    def cost(self, architecture: Architecture, target: Target) -> Cost:
        """Return what an architecture takes when it runs so."""
        if self.way == "layers":
            return layer_cost(architecture, target, self.mode)
        if self.way == "planner":
            return planned(architecture, target, self.mode, self.max_overhead).cost
        if self.mode == "streamed":
            raise UserError(STREAMED)
        return best_patched(architecture, target, self.mode, self.max_overhead).cost


class Surveyed(Record):
    """What was found out about a space.

    Attributes
    ----------
    settings : Settings
    space : Space
    points : tuple of Point
        By sample.
    """

    kind: ClassVar[str] = "survey of a space"
    format: Literal["tvm-patch survey"] = "tvm-patch survey"
    version: Literal[1] = 1
    settings: Settings
    space: Space
    points: tuple[Point, ...]

    def fitting(self, sram: int, flash: int) -> list[Point]:
        """Return the networks that fit so many bytes."""
        return [point for point in self.points if point.fits(sram, flash)]


def survey_space(settings: Settings, space: Space) -> Surveyed:
    """Return what samples of a space take; the same seed gives the same."""
    target = get_target(settings.target)
    chance = random.Random(f"{settings.seed} {space.name}")
    points = []
    for _ in range(settings.samples):
        architecture = space.architecture(space.draw(chance))
        cost = settings.cost(architecture, target)
        points.append(Point(cost.arena_bytes, cost.flash_bytes, code_bytes(architecture, target), cost.macs))
    return Surveyed(settings=settings, space=space, points=tuple(points))


def survey(
    family: Sequence[Space],
    settings: Settings,
    folder: Path,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[Surveyed]:
    """Return what samples of every space take, in the order of the family.

    Parameters
    ----------
    family : sequence of Space
    settings : Settings
    folder : Path
        Keeps the result of each space as it is done; made if it does not exist.
    workers : int
        Processes; 1 stays in this one.
    progress : callable, optional
        Called with the spaces that are done and all of them.

    Raises
    ------
    UserError
        When the folder cannot be written, or holds results of another version or of other settings.
    """
    if settings.way == "patches" and settings.mode == "streamed":
        raise UserError(STREAMED)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make {folder}: {error.strerror}") from error
    found: dict[str, Surveyed] = {}
    missing = []
    for space in family:
        path = folder / f"{space.name}.json"
        if path.exists():
            found[space.name] = _known(path, settings, space)
        else:
            missing.append(space)

    def keep(done: Surveyed) -> None:
        done.save(folder / f"{done.space.name}.json")
        found[done.space.name] = done
        if progress is not None:
            progress(len(found), len(family))

    if progress is not None:
        progress(len(found), len(family))
    one = partial(survey_space, settings)
    if workers <= 1:
        for space in missing:
            keep(one(space))
    elif missing:
        # Workers that are forked would share locks of threads that they do not have.
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            try:
                for future in as_completed([pool.submit(one, space) for space in missing]):
                    keep(future.result())
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    return [found[space.name] for space in family]


def _known(path: Path, settings: Settings, space: Space) -> Surveyed:
    known = Surveyed.load(path)
    for name, wanted in settings:
        said = getattr(known.settings, name)
        if said != wanted:
            raise UserError(
                f"{path} was made with {name} {said}, not {wanted}; give another folder, or remove it"
            )
    if known.space != space or len(known.points) != settings.samples:
        raise UserError(f"{path} is of another space of this name; give another folder, or remove it")
    return known
