"""How convolutions, depthwise ones too, rescale their sums in two instructions: found once for equal numbers."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from tvm_patch.integer.fit_groups import GroupSteps, fit_groups
from tvm_patch.integer.fit_steps import fit_steps
from tvm_patch.integer.line import LineRequantizer, fit_line
from tvm_patch.integer.staircase import staircase_of_pairs
from tvm_patch.integer.step_requantize import StepRequantizer
from tvm_patch.kernels.requantize import Requantizer


def steps_of(requantizer: Requantizer) -> StepRequantizer | None:
    """Return the two-instruction rescaling of a convolution, or None where it has none."""
    return None if requantizer.wraps else _fit(*_numbers(requantizer))


def the_steps_of(requantizer: Requantizer) -> StepRequantizer:
    """Return the same for a convolution that has one, as a kernel's `accepts` has made sure."""
    steps = steps_of(requantizer)
    assert steps is not None
    return steps


def group_steps_of(requantizer: Requantizer, size: int) -> GroupSteps | None:
    """Return the two-instruction rescaling of groups of `size` channels, or None where some have none."""
    return None if requantizer.wraps else _fit_groups(size, *_numbers(requantizer))


def the_group_steps_of(requantizer: Requantizer, size: int) -> GroupSteps:
    """Return the same for a convolution that has one, as a kernel's `accepts` has made sure."""
    steps = group_steps_of(requantizer, size)
    assert steps is not None
    return steps


def line_of(requantizer: Requantizer) -> LineRequantizer | None:
    """Return the line that rescales sums of joined weights, or None where there is none."""
    return None if requantizer.wraps else _fit_line(*_numbers(requantizer))


def _numbers(requantizer: Requantizer) -> tuple[Any, ...]:
    bias = requantizer.bias.astype(np.int64)
    pairs = (bias, requantizer.multiplier, requantizer.shift, requantizer.low, requantizer.high)
    act = (requantizer.act_min, requantizer.act_max)
    return (requantizer.zero_point, act, *(p.tobytes() for p in pairs))


@lru_cache(maxsize=1024)
def _fit(zero_point: int, act: tuple[int, int], *pairs: bytes) -> StepRequantizer | None:
    bias, m, s, lowest, highest = (np.frombuffer(p, np.int64) for p in pairs)
    stairs = staircase_of_pairs(m, s, zero_point, act, lowest, highest)
    return None if stairs is None else fit_steps(stairs, bias, m, s, zero_point)


@lru_cache(maxsize=1024)
def _fit_groups(size: int, zero_point: int, act: tuple[int, int], *pairs: bytes) -> GroupSteps | None:
    bias, m, s, lowest, highest = (np.frombuffer(p, np.int64) for p in pairs)
    stairs = staircase_of_pairs(m, s, zero_point, act, lowest, highest)
    return None if stairs is None else fit_groups(stairs, bias, m, s, zero_point, size)


@lru_cache(maxsize=1024)
def _fit_line(zero_point: int, act: tuple[int, int], *pairs: bytes) -> LineRequantizer | None:
    bias, m, s, lowest, highest = (np.frombuffer(p, np.int64) for p in pairs)
    stairs = staircase_of_pairs(m, s, zero_point, act, lowest, highest)
    return None if stairs is None else fit_line(stairs, bias, m, s)
