"""Spends what the user gave: SRAM beyond what a plan needs becomes scratch that makes kernels fast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tvm_patch.kernels import Kernel
from tvm_patch.lowering.fit_kernels import fit_kernels
from tvm_patch.lowering.prices import Prices
from tvm_patch.lowering.tuned import TunedConfigs
from tvm_patch.lowering.variants import Variants
from tvm_patch.planner.choose import Choice, Request, plan_of
from tvm_patch.planner.network import Network
from tvm_patch.planner.plan import Bought
from tvm_patch.planner.search.ways import NOTICED, Point


@dataclass(frozen=True)
class _Priced:
    """A way to run the network, and what more arena buys it."""

    point: Point
    prices: Prices

    def time(self, arena: int) -> int:
        """Return the estimate with such an arena."""
        return max(0, round(self.point.cycles + self.prices.late(arena)))


def spend(
    network: Network, kernels: Sequence[Kernel], choice: Choice, request: Request, tuned: TunedConfigs
) -> Choice:
    """Return a choice whose kernels have the scratch that pays, and whose estimates know of it.

    Under ``memory`` the arena stays as it is.  Under ``time`` it grows up to the limit as long as that saves anything;
    without a limit, as long as it saves what can be noticed.  Under ``balanced`` it grows while the product of arena
    and time falls.  Of the alternatives that keep the limits the one is taken that is best after that.

    Parameters
    ----------
    network : Network
    kernels : sequence of Kernel
        One per operator, with little scratch.
    choice : Choice
        Made with them.
    request : Request
        What it was made for.
    tuned : TunedConfigs
        What was measured.
    """
    variants = Variants(kernels, tuned)
    mine, *front = (_Priced(p, Prices(p.schedule, variants)) for p in (choice.point, *choice.front))
    # The first of the best, so that what was chosen stays where nothing is better.
    grown = _grown([mine, *front], network, request)
    best, most = min(grown, key=lambda one: _worth(one[0], one[1], request))
    if request.aim == "time" and request.sram is None:
        most = _noticed(best)
    least = best.point.arena_bytes
    _, schedule = fit_kernels(kernels, best.point.schedule, tuned, most if most > least else None, variants)
    # Where free bytes cannot be had in one piece kernels get less than by size; the arena is what it became.
    arena = schedule.arena_bytes
    point = Point(schedule, best.time(arena))
    bought = Bought(arena_bytes=arena - least, estimated_cycles=max(0, best.time(least) - point.cycles))
    known = tuple(Point(p.point.schedule, p.time(p.point.arena_bytes)) for p in front)
    plan = plan_of(network, request, point, known, bought if bought.arena_bytes else None)
    return Choice(plan, point, known)


def _grown(ways: Sequence[_Priced], network: Network, request: Request) -> Iterator[tuple[_Priced, int]]:
    """Yield ways within the limits with the arenas that they may have."""
    if request.aim == "memory":
        yield ways[0], ways[0].point.arena_bytes
        return
    most_macs = float("inf") if request.max_overhead is None else network.macs * request.max_overhead + 0.5
    for way in ways:
        if way.point.macs <= most_macs:
            for arena in way.prices.arenas:
                if request.sram is None or arena <= request.sram:
                    yield way, arena


def _worth(way: _Priced, arena: int, request: Request) -> tuple[int, int]:
    time = way.time(arena)
    return (arena * time, arena) if request.aim == "balanced" else (time, arena)


def _noticed(way: _Priced) -> int:
    """Return the least arena that is fast, as far as that can be noticed."""
    arenas = way.prices.arenas
    fastest = way.time(arenas[-1])
    return next(a for a in arenas if way.time(a) <= fastest * (1 + NOTICED))
