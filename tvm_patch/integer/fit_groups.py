"""Constants of :mod:`tvm_patch.integer.step_requantize` where no form suits all channels of a layer.

Depthwise kernels make their channels a few at a time.  A channel so steep, or so fine, that the others' form has no
constants for it then only sends its own group another way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from itertools import groupby
from typing import Any

import numpy as np

from tvm_patch.integer.fit_steps import fit_steps
from tvm_patch.integer.staircase import Int64Array, Staircase
from tvm_patch.integer.step_requantize import StepRequantizer

_MOST_ODD = 8
"""Groups that may take another form; and no more than half of them."""


@dataclass(frozen=True)
class GroupSteps:
    """Rescaling of groups of channels.

    Attributes
    ----------
    forms : tuple of StepRequantizer
        The usual one, and another where some groups need it.  They have numbers for all channels; those of channels
        that are in no group of theirs say nothing.
    of_group : tuple of int
        Which of them a group takes.
    size : int
        Channels of a group; the last one overlaps its neighbour where they do not divide the layer's.
    """

    forms: tuple[StepRequantizer, ...]
    of_group: tuple[int, ...]
    size: int

    @property
    def usual(self) -> StepRequantizer:
        """The form of most groups."""
        return self.forms[0]

    def channels(self, group: int) -> slice:
        """Return the channels of a group."""
        start = _start(group, self.size, self.usual.multiplier.size)
        return slice(start, start + self.size)

    def groups(self) -> Iterator[tuple[slice, StepRequantizer]]:
        """Yield channels and form of every group."""
        for group, form in enumerate(self.of_group):
            yield self.channels(group), self.forms[form]

    def runs(self) -> Iterator[tuple[int, int, StepRequantizer]]:
        """Yield neighbouring groups of one form: the first, how many, and the form."""
        for form, run in groupby(range(len(self.of_group)), self.of_group.__getitem__):
            groups = list(run)
            yield groups[0], len(groups), self.forms[form]


def fit_groups(
    stairs: Staircase,
    bias: Int64Array,
    multiplier: Int64Array,
    shift: Int64Array,
    zero_point: int,
    size: int,
) -> GroupSteps | None:
    """Return constants for groups of `size` channels, of one form where there is one, or None.

    Parameters are those of :func:`fit_steps`.
    """
    layer = _Layer(stairs, bias, multiplier, shift, zero_point)
    count = -(-shift.size // size)
    whole = layer.fit(np.arange(shift.size))
    if whole is not None:
        return GroupSteps((whole,), (0,) * count, size)
    found: dict[tuple[int, int], GroupSteps] = {}
    for steepest_first in (True, False):
        order = _order(shift, stairs.idle, size, steepest_first)
        for odd in range(1, min(_MOST_ODD, count // 2) + 1):
            of_group = tuple(int(g in order[:odd]) for g in range(count))
            forms = [layer.fit(_members(of_group, form, size, shift.size)) for form in (0, 1)]
            if all(forms):
                made = GroupSteps(tuple(f for f in forms if f), of_group, size)
                found.setdefault((sum(_work(form) for _, form in made.groups()), odd), made)
    return found[min(found)] if found else None


@dataclass(frozen=True)
class _Layer:
    stairs: Staircase
    bias: Int64Array
    multiplier: Int64Array
    shift: Int64Array
    zero_point: int

    def fit(self, channels: Int64Array) -> StepRequantizer | None:
        """Return constants that suit some channels, spread over all."""
        bias, multiplier, shift = (v[channels] for v in (self.bias, self.multiplier, self.shift))
        made = fit_steps(self.stairs.only(channels), bias, multiplier, shift, self.zero_point)
        return made and _spread(made, channels, self.shift.size)


def _spread(made: StepRequantizer, channels: Int64Array, count: int) -> StepRequantizer:
    spread: dict[str, Any] = {}
    for field in fields(made):
        values = getattr(made, field.name)
        if isinstance(values, np.ndarray):
            spread[field.name] = np.zeros(count, values.dtype)
            spread[field.name][channels] = values
    return replace(made, **spread)


def _order(shift: Int64Array, idle: np.ndarray, size: int, steepest_first: bool) -> list[int]:
    """Return the groups by their steepest channel, or by their finest."""
    fine = np.where(idle, np.iinfo(np.int64).max, -shift if steepest_first else shift)
    starts = [_start(group, size, shift.size) for group in range(-(-shift.size // size))]
    return [int(g) for g in np.argsort([fine[s : s + size].min() for s in starts], kind="stable")]


def _members(of_group: tuple[int, ...], form: int, size: int, count: int) -> Int64Array:
    """Return the channels of all groups of a form."""
    starts = [_start(group, size, count) for group, taken in enumerate(of_group) if taken == form]
    return np.unique(np.add.outer(np.array(starts, np.int64), np.arange(size)))


def _start(group: int, size: int, count: int) -> int:
    return min(group * size, count - size)


def _work(steps: StepRequantizer) -> int:
    """Return the instructions an output that a form takes beyond two."""
    return 3 if steps.signed else int(steps.raised > 0)
