"""The best p×p patches of an architecture: over how many of its first layers, and how many patches.

What a choice needs at least is found from the sizes of the regions alone; choices are laid out from the least on, until
what is left cannot be better.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush
from itertools import accumulate
from operator import sub
from typing import Literal, NamedTuple

from tvm_patch.errors import PlanError
from tvm_patch.nas.architecture import Architecture
from tvm_patch.nas.cost import Cost, alone_cost, layer_cost, patched_cost
from tvm_patch.nas.describe import describe_layer
from tvm_patch.nas.layers import INPUT, Wired, layers_of
from tvm_patch.nas.schedule import InPatches, LayerByLayer
from tvm_patch.planner.layout.row_buffer import aligned
from tvm_patch.targets import Target

MOST_PATCHES = 4
"""Patches along each axis beyond which none are looked for, as in MCUNetV2."""


class BestPatched(NamedTuple):
    """The best that was found.

    Attributes
    ----------
    schedule : InPatches or LayerByLayer
        The latter where no patches need less.
    cost : Cost
    """

    schedule: InPatches | LayerByLayer
    cost: Cost


def best_patched(
    architecture: Architecture,
    target: Target,
    mode: Literal["resident", "rereadable"] = "resident",
    max_overhead: float | None = None,
) -> BestPatched:
    """Return the schedule of 1 to 4 patches along each axis, over any number of layers, with the least arena.

    Of those with the same arena, the one that executes the fewest multiply-accumulates.

    Parameters
    ----------
    architecture : Architecture
    target : Target
        What it runs on.
    mode : {"resident", "rereadable"}
        Where the picture comes from.
    max_overhead : float, optional
        Most multiply-accumulates executed over those of the network; at least 1.

    Raises
    ------
    PlanError
        When the limit is below 1.
    """
    if max_overhead is not None and not max_overhead >= 1:
        raise PlanError(f"an overhead of {max_overhead:g} is impossible; the least is 1")
    best = BestPatched(LayerByLayer(mode=mode), layer_cost(architecture, target, mode))
    # Half a multiply-accumulate more: 1.1 times a whole number may come out just below it.
    most = best.cost.macs * (max_overhead or float("inf")) + 0.5
    stages = _Stages(architecture, target, mode)
    waiting = list(stages.choices())
    heapify(waiting)
    while waiting and waiting[0].least <= best.cost.arena_bytes:
        choice = heappop(waiting)
        if choice.executed < 0:
            known = stages.bounded(choice)
            if known is not None and known.executed <= most:
                heappush(waiting, known)
            continue
        if (choice.least, choice.executed) >= (best.cost.arena_bytes, best.cost.executed):
            continue
        try:
            cost = patched_cost(architecture, target, choice.patches, choice.layers, mode)
        except PlanError:
            continue
        if (cost.arena_bytes, cost.executed) < (best.cost.arena_bytes, best.cost.executed):
            best = BestPatched(InPatches(patches=choice.patches, layers=choice.layers, mode=mode), cost)
    return best


class _Choice(NamedTuple):
    """Patches over some layers: the least arena, what they execute (-1 where not known yet), and which they are."""

    least: int
    executed: int
    patches: int
    layers: int


class _Window(NamedTuple):
    """How a layer reads a tensor in patches: which one, and its rows, which are like its columns."""

    read: int
    stride: int
    before: int
    reach: int


class _Stages:
    """Patched stages of one architecture, by what they need at least.

    Parameters
    ----------
    architecture : Architecture
    target : Target
    mode : {"resident", "rereadable"}
    """

    def __init__(self, architecture: Architecture, target: Target, mode: str) -> None:
        self._wired = wired = layers_of(architecture)
        fetched = mode != "resident"
        self._target = target
        self._input = 0 if fetched else aligned(architecture.colors * architecture.resolution**2)
        self._ops = [describe_layer(layer, target) for layer, _ in wired]
        self._macs = [op.macs for op in self._ops]
        self._last = _last_reads(wired)
        self._channels = {INPUT: architecture.colors} | {i: w.layer.outputs for i, w in enumerate(wired)}
        self._sizes = {INPUT: architecture.resolution} | {i: w.layer.out_size for i, w in enumerate(wired)}
        self._windows = [self._buffered(i, fetched) for i in range(len(wired))]
        self._later = list(accumulate(reversed(self._macs), initial=0))[::-1]
        self._scratch = [aligned(op.scratch_bytes) for op in self._ops]
        self._steps = {INPUT: 1}
        for index, (layer, reads) in enumerate(wired):
            self._steps[index] = self._steps[reads[0]] * layer.stride
        self._live = [[window.read for window in self._windows[0]][:1]] + [[] for _ in wired[1:]]
        for tensor, last in enumerate(self._last):
            for index in range(tensor, min(last + 1, len(wired))):
                self._live[index].append(tensor)

    def _buffered(self, index: int, fetched: bool) -> list[_Window]:
        """Return what a layer reads from regions; an input without padding is read where it lies."""
        found = []
        for window, read in zip(self._ops[index].rows, self._wired[index].reads, strict=False):
            size = self._sizes[read]
            if read != INPUT or fetched or not window.reads_in_place(self._sizes[index], size):
                found.append(_Window(read, window.stride, window.pad_before, window.reach))
        return found

    def choices(self) -> Iterator[_Choice]:
        """Yield the choices with what the layers behind the patches, and what is stored, need at least."""
        tails = self._tails()
        for layers in self._cuts():
            stored = self._input + aligned(self._wired[layers - 1].layer.bytes)
            for patches in range(1, MOST_PATCHES + 1):
                least = max(tails[layers], stored + self._without_halo(layers, patches))
                yield _Choice(least, -1, patches, layers)

    def bounded(self, choice: _Choice) -> _Choice | None:
        """Return a choice with what its patches need at least and execute, None where it cannot be cut."""
        found = self._stage(choice.layers, choice.patches)
        if found is None:
            return None
        scratch, executed = found
        stored = self._input + aligned(self._wired[choice.layers - 1].layer.bytes)
        executed += self._later[choice.layers]
        return choice._replace(least=max(choice.least, stored + scratch), executed=executed)

    def _cuts(self) -> list[int]:
        """Return after how many layers, all of them row by row, nothing is needed but what the last one made."""
        found = []
        for index, op in enumerate(self._ops):
            if not op.rows or not op.bandable:
                break
            if all(self._last[i] <= index for i in range(index)):
                found.append(index + 1)
        return found

    def _tails(self) -> list[int]:
        """Return what the layers from each on need at least when they run one after another."""
        wired = self._wired
        tails = [0] * (len(wired) + 1)
        for index in range(len(wired) - 1, -1, -1):
            layer, reads = wired[index]
            alone = alone_cost(layer, self._target, False)
            alive = [i for i in range(index) if self._last[i] >= index]
            held = sum(aligned(wired[i].layer.bytes) for i in alive)
            over = sum(
                aligned(wired[read].layer.bytes)
                for read, distance in zip(reads, alone.distances, strict=True)
                if distance is not None and read >= 0 and self._last[read] == index
            )
            made = max(0, aligned(layer.bytes) - over)
            tails[index] = max(tails[index + 1], held + made + alone.scratch)
        return tails

    def _without_halo(self, layers: int, patches: int) -> int:
        """Return the scratch of a stage whose kernels would be single pixels: a bound that is found at once."""
        steps = self._steps
        rows = -(-self._sizes[layers - 1] // patches) - 1
        most = 0
        for index in range(layers):
            nbytes = self._scratch[index]
            for tensor in self._live[index]:
                if tensor != layers - 1:
                    widest = min(self._sizes[tensor], rows * (steps[layers - 1] // steps[tensor]) + 1)
                    nbytes += widest * widest * self._channels[tensor]
            most = max(most, nbytes)
        return most

    def _stage(self, layers: int, patches: int) -> tuple[int, int] | None:
        """Return the least scratch of a stage and what it executes, None where it cannot be cut."""
        size = self._sizes[layers - 1]
        step = -(-size // patches)
        if -(-size // step) != patches:
            return None
        starts = range(0, size, step)
        # First and one past the last row of every patch; columns are the same.
        wanted = {layers - 1: (list(starts), [min(size, at + step) for at in starts])}
        held: dict[int, int] = {}
        executed = 0
        for index in range(layers - 1, -1, -1):
            size = self._sizes[index]
            firsts, ends = wanted.pop(index)
            firsts = [f if f > 0 else 0 for f in firsts]
            ends = [e if e < size else size for e in ends]
            if any(f >= e for f, e in zip(firsts, ends, strict=True)):
                return None
            macs = self._macs[index]
            if macs:
                rows = sum(ends) - sum(firsts)
                executed += macs * rows * rows // (size * size)
            for read, stride, before, reach in self._windows[index]:
                if not stride:
                    return None  # a broadcast tensor must be whole
                need_firsts = [f * stride - before for f in firsts]
                need_ends = [(e - 1) * stride - before + reach for e in ends]
                if read in wanted:
                    need_firsts = list(map(min, need_firsts, wanted[read][0]))
                    need_ends = list(map(max, need_ends, wanted[read][1]))
                wanted[read] = need_firsts, need_ends
                widest = max(map(sub, need_ends, need_firsts))
                held[read] = aligned(widest * widest * self._channels[read])
        live = self._scratch[:layers]
        for tensor, nbytes in held.items():
            last = 0 if tensor == INPUT else self._last[tensor]
            for index in range(max(0, tensor), last + 1):
                live[index] += nbytes
        return max(live), executed


def _last_reads(wired: Sequence[Wired]) -> list[int]:
    last = list(range(len(wired)))
    for index, (_, reads) in enumerate(wired):
        for read in reads:
            if read >= 0:
                last[read] = index
    last[-1] = len(wired)
    return last
