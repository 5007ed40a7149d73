"""From what a user asks for to a plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from tvm_patch.errors import PlanError
from tvm_patch.input_mode import InputMode
from tvm_patch.planner.explain import peak_text, plan_memory
from tvm_patch.planner.network import Network
from tvm_patch.planner.plan import Bought, FrontPoint, Plan, PlannedSegment, Scheme, fingerprint
from tvm_patch.planner.schedule import overhead_of
from tvm_patch.planner.search.dynamic import MOST_OVERHEAD, Search
from tvm_patch.planner.search.layers import layer_point
from tvm_patch.planner.search.patched import Patched
from tvm_patch.planner.search.ways import Point, Ways

Objective = Literal["memory", "time", "balanced"]
"""``memory``: little arena, a percent of which is worth four percent of time.  ``time``: fewest estimated cycles.
``balanced``: least product of both."""

OBJECTIVES: tuple[Objective, ...] = get_args(Objective)

_LAST_RESORT = 4.0
"""Overhead up to which plans are looked for when nothing less fits the memory."""


@dataclass(frozen=True)
class Request:
    """What a plan has to be.

    Attributes
    ----------
    input_mode : {"resident", "rereadable", "streamed"}
        Where the input comes from.
    scheme : {"auto", "layer", "mcunetv2"}
        ``layer`` runs one operator after another; see :data:`tvm_patch.planner.plan.Scheme`.
    objective : {"memory", "time", "balanced"} or None
        None: ``time`` under a memory limit, ``memory`` under an overhead limit alone, ``balanced`` otherwise.
    sram : int or None
        Most bytes of the arena.
    max_overhead : float or None
        Most multiply-accumulates executed over those of the network.
    patches : int or None
        With ``mcunetv2``: patches along each axis; None looks for the least arena.
    layers : int or None
        With ``mcunetv2``: operators that run patch by patch; None looks for the least arena.
    """

    input_mode: InputMode = "resident"
    scheme: Scheme = "auto"
    objective: Objective | None = None
    sram: int | None = None
    max_overhead: float | None = None
    patches: int | None = None
    layers: int | None = None

    @property
    def aim(self) -> Objective:
        """The objective, whether it was said or follows from the limits."""
        if self.objective is not None:
            return self.objective
        return "time" if self.sram is not None else "memory" if self.max_overhead else "balanced"


@dataclass(frozen=True)
class Choice:
    """A plan and what it was chosen from.

    Attributes
    ----------
    plan : Plan
    point : Point
        The plan's segments and costs.
    front : tuple of Point
        The alternatives.
    """

    plan: Plan
    point: Point
    front: tuple[Point, ...]


def choose_plan(
    network: Network, request: Request, progress: Callable[[float], None] | None = None
) -> Choice:
    """Return the plan that a request asks for.

    Parameters
    ----------
    network : Network
        With ``rows`` described for row-wise operators.
    request : Request
    progress : callable, optional
        Called with the fraction done.

    Raises
    ------
    PlanError
        When no plan keeps the limits; says the least that would do, and what sets it.
    """
    if request.max_overhead is not None and not request.max_overhead >= 1:
        raise PlanError(f"an overhead of {request.max_overhead:g} is impossible; the least is 1")
    if request.scheme != "mcunetv2" and (request.patches is not None or request.layers is not None):
        raise PlanError(
            "patches and layers belong to scheme mcunetv2; leave them out, or use --scheme mcunetv2"
        )
    if request.scheme == "layer":
        point = layer_point(network, request.input_mode)
        if request.sram is not None and point.arena_bytes > request.sram:
            raise PlanError(_impossible(network, request, point))
        front: tuple[Point, ...] = (point,)
    elif request.scheme == "mcunetv2":
        patched = Patched(network, request.input_mode, request.patches, request.layers)
        found = _best(patched, request)
        if found is None:
            raise PlanError(_impossible(network, request, patched.least_memory(request.max_overhead)))
        point, front = found, patched.front
    else:
        search = Search(
            network, request.input_mode, max(MOST_OVERHEAD, request.max_overhead or 0.0), progress
        )
        found = _best(search, request)
        if found is None and request.max_overhead is None:
            search = Search(network, request.input_mode, _LAST_RESORT)
            found = _best(search, request)
        if found is None:
            raise PlanError(_impossible(network, request, search.least_memory(request.max_overhead)))
        point, front = found, search.front
    return Choice(plan_of(network, request, point, front), point, front)


def _best(search: Ways, request: Request) -> Point | None:
    return search.best(request.aim, request.sram, request.max_overhead)


def _impossible(network: Network, request: Request, least: Point) -> str:
    memory = plan_memory(least.schedule)
    how = f"{request.input_mode} input"
    if request.max_overhead is not None:
        how += f" and an overhead of at most {request.max_overhead:g}"
    if request.scheme == "layer":
        how += ", layer by layer"
    if request.scheme == "mcunetv2":
        how += ", under scheme mcunetv2"
    return (
        f"no plan of {network.name} fits {request.sram:,} bytes of SRAM with {how}: the least arena is "
        f"{least.arena_bytes:,} bytes; {peak_text(network, memory)}"
    )


def plan_of(
    network: Network, request: Request, point: Point, front: Sequence[Point], bought: Bought | None = None
) -> Plan:
    """Return a plan that says what was chosen.

    Parameters
    ----------
    network : Network
        With the scratch that kernels need at least.
    request : Request
        What was asked for.
    point : Point
        What was chosen, with the scratch that kernels get.
    front : sequence of Point
        The alternatives.
    bought : Bought, optional
        What the arena is larger for than it has to be.
    """
    return Plan(
        network=network.name,
        target=network.target.name,
        fingerprint=fingerprint(network),
        input_mode=request.input_mode,
        scheme=request.scheme,
        segments=tuple(PlannedSegment.of(s) for s in point.segments),
        scratch=tuple(op.scratch_bytes for op in point.schedule.network.operators),
        arena_bytes=point.arena_bytes,
        bought=bought,
        overhead=overhead_of(point.macs, network.macs),
        macs=network.macs,
        macs_executed=point.macs,
        estimated_cycles=point.cycles,
        front=tuple(
            FrontPoint(
                arena_bytes=p.arena_bytes,
                overhead=overhead_of(p.macs, network.macs),
                estimated_cycles=p.cycles,
            )
            for p in front
        ),
    )
