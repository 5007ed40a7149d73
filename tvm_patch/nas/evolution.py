"""Evolution of subnets: the best are kept, crossed and mutated, within what a board can hold.

Source: MCUNet (Lin et al. 2020), section 3.1 and supplement E; Once-for-All (Cai et al. 2020), section 3.5.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, NamedTuple

from pydantic import Field

from tvm_patch.nas.record import Part
from tvm_patch.nas.space import Space, Subnet

_Count = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]


class Evolution(Part):
    """How evolution goes on.

    Attributes
    ----------
    population : int
        Subnets drawn at first.
    parents : int
        The best, which are kept.
    crossed, mutated : int
        Children of a generation, of two parents and of one.
    probability : float
        That a mutation makes a choice anew.
    generations : int
        After the first population.
    """

    population: _Count = 100
    parents: _Count = 20
    crossed: Annotated[int, Field(ge=0, le=1_000_000, strict=True)] = 50
    mutated: Annotated[int, Field(ge=0, le=1_000_000, strict=True)] = 50
    probability: Annotated[float, Field(ge=0, le=1)] = 0.1
    generations: Annotated[int, Field(ge=0, le=1_000_000, strict=True)] = 30

    @property
    def evaluations(self) -> int:
        """How many subnets are judged in all."""
        return self.population + self.generations * (self.crossed + self.mutated)


class Judged(NamedTuple):
    """A subnet and its fitness."""

    subnet: Subnet
    fitness: float


@dataclass(frozen=True)
class Generation:
    """What a generation found.

    Attributes
    ----------
    number : int
        0 for the first population.
    judged : tuple of Judged
        Its new subnets, as they were drawn.
    best : Judged
        Of all generations so far.
    """

    number: int
    judged: tuple[Judged, ...]
    best: Judged


class Exhausted(Exception):  # noqa: N818 -- an answer, not a failure of ours
    """No subnet that fits was found in so many draws.

    Parameters
    ----------
    draws : int
    """

    def __init__(self, draws: int) -> None:
        super().__init__(f"none of {draws} drawn subnets fits")
        self.draws = draws


def evolve(
    space: Space,
    judge: Callable[[Sequence[Subnet]], Sequence[float]],
    fits: Callable[[Subnet], bool],
    settings: Evolution,
    seed: int = 0,
    draws: int = 10_000,
) -> Iterator[Generation]:
    """Yield generation after generation; the same seed gives the same.

    Parameters
    ----------
    space : Space
        To draw from.
    judge : callable
        Fitness of some subnets, the higher the better; called once a generation, never twice with the same subnet.
    fits : callable
        Whether a subnet may be chosen.
    settings : Evolution
    seed : int
    draws : int
        In a row without one that fits and is new before a population is taken as it is.

    Raises
    ------
    Exhausted
        When no subnet fits.
    """
    chance = random.Random(seed)
    known: dict[Subnet, float] = {}
    allowed: dict[Subnet, bool] = {}

    def fresh(make: Callable[[], Subnet], count: int, found: list[Subnet]) -> None:
        """Add up to so many subnets that fit and were not judged before."""
        taken = set(found)
        failed = 0
        wanted = len(found) + count
        while len(found) < wanted and failed < draws:
            subnet = make()
            if subnet not in allowed:
                allowed[subnet] = fits(subnet)
            if allowed[subnet] and subnet not in known and subnet not in taken:
                found.append(subnet)
                taken.add(subnet)
                failed = 0
            else:
                failed += 1

    def judged(subnets: list[Subnet]) -> tuple[Judged, ...]:
        fitness = judge(subnets) if subnets else ()
        made = tuple(Judged(s, float(f)) for s, f in zip(subnets, fitness, strict=True))
        known.update(made)
        return made

    def ranked() -> list[Judged]:
        # Those found first go first among equals, as sorting is stable.
        return [Judged(s, f) for s, f in sorted(known.items(), key=lambda item: -item[1])]

    first: list[Subnet] = []
    fresh(lambda: space.draw(chance), settings.population, first)
    if not first:
        raise Exhausted(draws)
    made = judged(first)
    yield Generation(0, made, ranked()[0])
    for number in range(1, settings.generations + 1):
        parents = [one.subnet for one in ranked()[: settings.parents]]
        children: list[Subnet] = []
        if len(parents) > 1:
            fresh(partial(_crossed, space, parents, chance), settings.crossed, children)
        fresh(partial(_mutated, space, parents, chance, settings.probability), settings.mutated, children)
        made = judged(children)
        yield Generation(number, made, ranked()[0])


def _crossed(space: Space, parents: Sequence[Subnet], chance: random.Random) -> Subnet:
    one, other = chance.sample(parents, 2)
    return space.crossed(one, other, chance)


def _mutated(space: Space, parents: Sequence[Subnet], chance: random.Random, probability: float) -> Subnet:
    return space.mutated(chance.choice(parents), chance, probability)


def draw_at_random(
    space: Space,
    judge: Callable[[Sequence[Subnet]], Sequence[float]],
    fits: Callable[[Subnet], bool],
    settings: Evolution,
    seed: int = 0,
    draws: int = 10_000,
) -> Iterator[Generation]:
    """Yield as many subnets as :func:`evolve` judges, in as many generations, all drawn: what evolution has to beat.

    Parameters and errors are those of :func:`evolve`.
    """
    chance = random.Random(seed)
    seen: set[Subnet] = set()
    best: Judged | None = None
    for number in range(settings.generations + 1):
        count = settings.population if number == 0 else settings.crossed + settings.mutated
        found: list[Subnet] = []
        failed = 0
        while len(found) < count and failed < draws:
            subnet = space.draw(chance)
            if subnet not in seen and fits(subnet):
                found.append(subnet)
                failed = 0
            else:
                failed += 1
            seen.add(subnet)
        if best is None and not found:
            raise Exhausted(draws)
        fitness = judge(found) if found else ()
        made = tuple(Judged(s, float(f)) for s, f in zip(found, fitness, strict=True))
        best = max(made if best is None else (best, *made), key=lambda one: one.fitness)
        yield Generation(number, made, best)
