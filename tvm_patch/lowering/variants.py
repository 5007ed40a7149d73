"""The variants of kernels that need different scratch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tvm_patch.kernels import Kernel
from tvm_patch.lowering.tuned import TunedConfigs
from tvm_patch.planner.schedule import Schedule

_MOST = 1 << 30
"""Bytes of scratch that no kernel asks for."""


@dataclass(frozen=True)
class Variant:
    """A kernel with a certain scratch.

    Attributes
    ----------
    kernel : Kernel
    scratch_bytes : int
    effort : float
        See :attr:`Kernel.effort`.
    """

    kernel: Kernel
    scratch_bytes: int
    effort: float


class Variants:
    """Variants of a network's kernels, each found when it is asked for, once.

    Parameters
    ----------
    kernels : sequence of Kernel
        One per operator, with little scratch.
    tuned : TunedConfigs
        What was measured, and what is preferred.
    """

    def __init__(self, kernels: Sequence[Kernel], tuned: TunedConfigs) -> None:
        self.kernels, self._tuned = tuple(kernels), tuned
        self._found: dict[tuple[int, bool], tuple[Variant, ...]] = {}

    def of(self, index: int, *, alone: bool) -> tuple[Variant, ...]:
        """Return the variants of an operator by scratch, least first, each faster than those before.

        Parameters
        ----------
        index : int
            Of the operator.
        alone : bool
            Whether it is a segment by itself, over whole tensors.
        """
        key = (index, alone)
        if key not in self._found:
            self._found[key] = tuple(self._all(self.kernels[index], alone))
        return self._found[key]

    def within(self, index: int, scratch: int, *, alone: bool) -> Variant:
        """Return the fastest variant of an operator with at most so many bytes of scratch, or with the least."""
        variants = self.of(index, alone=alone)
        fitting = [v for v in variants if v.scratch_bytes <= scratch]
        return fitting[-1] if fitting else variants[0]

    def _all(self, kernel: Kernel, alone: bool) -> list[Variant]:
        found: list[Variant] = []
        least, scratch = kernel.scratch_bytes, _MOST
        while not found or found[-1].scratch_bytes > least:
            chosen = self._tuned.within(kernel, scratch, alone=alone)
            if found and chosen.scratch_bytes >= found[-1].scratch_bytes:  # it cannot do with less
                break
            found.append(Variant(chosen, chosen.scratch_bytes, chosen.effort))
            scratch = max(least, chosen.scratch_bytes - 1)
        found.reverse()
        if self._tuned.measured_of(kernel):  # what was measured is known better
            return found
        return [v for i, v in enumerate(found) if all(v.effort < less.effort for less in found[:i])]


def ample_scratch(variants: Variants, schedule: Schedule) -> list[int]:
    """Return the scratch of every operator where none has to save it; see :attr:`Target.ample_scratch`."""
    ample, alone = schedule.network.target.ample_scratch, alone_operators(schedule)
    return [
        # What was measured to be fastest may need less than what the plan reckons with.
        max(op.scratch_bytes, variants.within(op.index, ample, alone=op.index in alone).scratch_bytes)
        for op in schedule.network.operators
    ]


def alone_operators(schedule: Schedule) -> set[int]:
    """Return the operators that run over whole tensors, as segments of their own only."""
    network, operators = schedule.network, [i for s in schedule.segments for i in s.operators]
    return {
        i
        for s in schedule.segments
        for i in s.operators
        if len(s.operators) == 1
        and not s.pieces
        and operators.count(i) == 1
        and not schedule.fetched.intersection(network.operators[i].inputs)
    }
