"""How networks are trained: numbers of steps, rates, and everything else that training depends on."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from tvm_patch.nas.record import Part

_Count = Annotated[int, Field(ge=0, le=10_000_000, strict=True)]
_Positive = Annotated[int, Field(ge=1, le=10_000_000, strict=True)]
_Rate = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
_Portion = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]


class Recipe(Part):
    """Stochastic gradient descent with momentum; the rate rises over the first steps and falls along a cosine.

    Attributes
    ----------
    steps : int
        Batches.
    batch : int
        Pictures in a batch.
    rate : float
        The highest learning rate.
    warmup : int
        Steps over which the rate rises to it.
    momentum : float
        Nesterov's.
    decay : float
        Weight decay, times the rate; not of biases and normalization.
    smoothing : float
        Of labels.
    clip : float
        Largest norm of a gradient, of all weights together; longer ones are shortened to it.  0 for any.
    """

    steps: _Count
    batch: _Positive = 64
    rate: _Rate = 0.1
    warmup: _Count = 0
    momentum: _Portion = 0.9
    decay: _Rate = 4e-5
    smoothing: _Portion = 0.1
    clip: _Rate = 0

    def rate_at(self, step: int) -> float:
        """Return the learning rate of a step; 0 after the last."""
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        if step >= self.steps:
            return 0.0
        done = (step - self.warmup) / (self.steps - self.warmup)
        return self.rate * (1 + math.cos(math.pi * done)) / 2


class SuperRecipe(Part):
    """How a super network is trained.

    Attributes
    ----------
    largest : Recipe
        Of the largest subnet, at all resolutions.
    sampled : Recipe
        Of drawn subnets, after sorting channels.
    subnets : int
        Drawn a step.
    """

    largest: Recipe
    sampled: Recipe
    subnets: Annotated[int, Field(ge=1, le=64, strict=True)] = 4


class Finish(Part):
    """How a network is trained to its end.

    Attributes
    ----------
    tuning : Recipe
        Of the float network.
    rounding : Recipe
        Of the network that rounds weights and activations.
    samples : int
        Pictures that the ranges of activations are taken from.
    bits : int
        Of weights while they are rounded: 8 or 4.
    """

    tuning: Recipe
    rounding: Recipe
    samples: _Positive = 256
    bits: Literal[4, 8] = 8
