"""What an architecture takes, layer by layer and in patches: arena, work and flash as compiled, and time.

A search asks a hundred thousand times, and its networks are made of the same layers over and over: what a layer needs
is found once for every shape, and a patched stage once for all networks that begin alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from tvm_patch.errors import PlanError
from tvm_patch.input_mode import InputMode
from tvm_patch.nas.architecture import Architecture
from tvm_patch.nas.describe import constant_bytes, describe_layer, network_of_layers
from tvm_patch.nas.layers import INPUT, Layer, Wired, layers_of
from tvm_patch.planner.arena.least import least_size
from tvm_patch.planner.layout.patches import layout_patches
from tvm_patch.planner.layout.row_buffer import aligned
from tvm_patch.planner.network import Network
from tvm_patch.planner.schedule import overhead_of
from tvm_patch.planner.search.layers import layer_cycles
from tvm_patch.planner.search.patched import patch_cycles
from tvm_patch.planner.segments import Segment
from tvm_patch.targets import Target


@dataclass(frozen=True)
class Cost:
    """What running an architecture takes.

    Attributes
    ----------
    arena_bytes : int
        The least that the compiler allocates for this way to run it.
    macs : int
        Multiply-accumulates of the network.
    executed : int
        Multiply-accumulates of one inference.
    flash_bytes : int
        Of constants: weights, biases, rescaling, tables, as kernels have them; see
        :func:`tvm_patch.nas.describe.constant_bytes`.
    cycles, instructions : int
        Of one inference, by the planner's estimate of kernels with ample scratch (``docs/planner-estimate.md``).
    """

    arena_bytes: int
    macs: int
    executed: int
    flash_bytes: int
    cycles: int
    instructions: int

    @property
    def overhead(self) -> float:
        """`executed` over `macs`."""
        return overhead_of(self.executed, self.macs)


class Time(NamedTuple):
    """By the planner's estimate."""

    cycles: int
    instructions: int


def total_time(times: Sequence[Time]) -> Time:
    """Return the sum of some times."""
    return Time(sum(t.cycles for t in times), sum(t.instructions for t in times))


class Alone(NamedTuple):
    """A layer that runs by itself: scratch in bytes, how far its output may lie over inputs, flash, work and time."""

    scratch: int
    distances: tuple[int | None, ...]
    flash: int
    macs: int
    time: Time


@lru_cache(maxsize=1 << 17)
def alone_cost(layer: Layer, target: Target, fetched: bool) -> Alone:
    """Return what a layer takes by itself.

    Parameters
    ----------
    layer : Layer
    target : Target
        What it runs on.
    fetched : bool
        Whether its input is not in the arena.
    """
    op = describe_layer(layer, target)
    network = Network.of("layer", [op], op.operator.inputs, op.operator.outputs, target)
    rows = op.inputs if fetched else ()
    layout = Segment((0,)).lay_out(network, op.outputs, rows)
    distances = tuple(layout.input_distance.get(name) for name in op.inputs)
    time = estimate(network, lambda network: layer_cycles(network, op, rows))
    return Alone(layout.scratch_bytes, distances, constant_bytes(layer, target), op.macs, time)


def estimate(network: Network, count: Callable[[Network], int]) -> Time:
    """Return what is counted of a network with the costs of its target: cycles, and instructions."""
    return Time(count(network), count(network.counting_instructions))


def layer_cost(architecture: Architecture, target: Target, mode: InputMode = "resident") -> Cost:
    """Return the cost of one layer after another.

    Parameters
    ----------
    architecture : Architecture
    target : Target
        What it runs on.
    mode : {"resident", "rereadable", "streamed"}
        Where the picture comes from.
    """
    wired = layers_of(architecture)
    fetched = mode != "resident"
    alone = [alone_cost(layer, target, fetched and reads == (INPUT,)) for layer, reads in wired]
    return _cost(_arena(architecture, wired, alone, 0, 0, fetched), alone, alone)


def _cost(arena: int, alone: Sequence[Alone], run: Sequence[Alone | _Stage]) -> Cost:
    """Return the cost of layers, of which these run by themselves or as a stage."""
    return Cost(
        arena,
        sum(a.macs for a in alone),
        sum(r.macs for r in run),
        sum(a.flash for a in alone),
        *total_time([r.time for r in run]),
    )


def patched_cost(
    architecture: Architecture, target: Target, patches: int, layers: int, mode: InputMode = "resident"
) -> Cost:
    """Return the cost of the first layers patch by patch, as MCUNetV2 runs them, and the others one after another.

    Parameters
    ----------
    architecture : Architecture
    target : Target
        What it runs on.
    patches : int
        Along each axis.
    layers : int
        Operators of the patched stage.
    mode : {"resident", "rereadable"}
        Where the picture comes from.

    Raises
    ------
    PlanError
        When these layers cannot run in these patches, or the picture comes only once.
    """
    wired = layers_of(architecture)
    if mode == "streamed":
        raise PlanError(
            "patches read rows of the input again: a streamed input cannot be had; use rereadable"
        )
    if not 1 <= layers <= len(wired):
        raise PlanError(f"{layers} layers are impossible; the network has {len(wired)}")
    later = {read for _, reads in wired[layers:] for read in reads} | {len(wired) - 1}
    kept = tuple(i for i in range(layers) if i in later)
    fetched = mode != "resident"
    stage = _stage(tuple(wired[:layers]), kept, patches, target, fetched)
    alone = [alone_cost(layer, target, False) for layer, _ in wired]
    arena = _arena(architecture, wired, alone, layers, stage.scratch, fetched)
    return _cost(arena, alone, [stage, *alone[layers:]])


class _Stage(NamedTuple):
    """A patched stage: its scratch in bytes, its work and time."""

    scratch: int
    macs: int
    time: Time


@lru_cache(maxsize=1 << 15)
def _stage(
    wired: tuple[Wired, ...],
    kept: tuple[int, ...],
    patches: int,
    target: Target,
    fetched: bool,
) -> _Stage:
    network = network_of_layers("stage", wired, target)
    names = [op.outputs[0] for op in network.operators]
    layout = layout_patches(
        network,
        range(len(wired)),
        patches,
        patches,
        [names[i] for i in kept],
        network.inputs if fetched else (),
    )
    time = estimate(network, lambda network: patch_cycles(network, layout))
    return _Stage(layout.scratch_bytes, layout.macs_executed(network), time)


def _arena(
    architecture: Architecture,
    wired: Sequence[Wired],
    alone: Sequence[Alone],
    begin: int,
    scratch: int,
    fetched: bool,
) -> int:
    """Return the arena of layers that run by themselves from `begin` on.

    Those before it, if any, run together during the step before and need `scratch` bytes.
    """
    last = list(range(len(wired)))
    last[-1] += 1
    for index in range(begin, len(wired)):
        for read in wired[index].reads:
            if read >= 0:
                last[read] = max(last[read], index)
    sizes, lives, overlaps = [], [], []
    place = {}
    shift = max(0, begin - 1)
    if not fetched:
        place[INPUT] = 0
        sizes.append(aligned(architecture.colors * architecture.resolution**2))
        lives.append((0, 0))
    for index in range(shift, len(wired)):
        layer, reads = wired[index]
        step = index - shift
        place[index] = len(sizes)
        sizes.append(aligned(layer.bytes))
        lives.append((step, last[index] - shift))
        needed = alone[index].scratch if index >= begin else scratch
        if needed:
            sizes.append(needed)
            lives.append((step, step))
        if index < begin:
            continue
        for read, distance in zip(reads, alone[index].distances, strict=True):
            if distance is not None and read in place and lives[place[read]][1] == step:
                overlaps.append((place[read], place[index], distance))
    return least_size(sizes, lives, overlaps)
