"""Recipes of searches by name."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tvm_patch.errors import UserError
from tvm_patch.nas.evolution import Evolution
from tvm_patch.nas.recipe import Finish, Recipe, SuperRecipe


@dataclass(frozen=True)
class Preset:
    """How much work a search does.

    Attributes
    ----------
    text : str
        What it is for.
    training : SuperRecipe
    evolution : Evolution
    batches : int
        Of 64 pictures, that batch normalization is calibrated with.
    finish : Finish
    """

    text: str
    training: SuperRecipe
    evolution: Evolution
    batches: int
    finish: Finish

    def for_detectors(self) -> Preset:
        """Return the same with lower rates and gradients that are shortened: a detector's are long at first."""
        return replace(
            self,
            training=SuperRecipe(
                largest=_gentle(self.training.largest),
                sampled=_gentle(self.training.sampled),
                subnets=self.training.subnets,
            ),
            finish=self.finish.model_copy(
                update={"tuning": _gentle(self.finish.tuning), "rounding": _gentle(self.finish.rounding)}
            ),
        )


def _gentle(recipe: Recipe) -> Recipe:
    return recipe.model_copy(update={"rate": recipe.rate / 5, "clip": 10.0})


PRESETS = {
    "smoke": Preset(
        "seconds; shows that all parts work, finds nothing",
        SuperRecipe(
            largest=Recipe(steps=40, batch=32, rate=0.1, warmup=5),
            sampled=Recipe(steps=40, batch=32, rate=0.1, warmup=5),
            subnets=2,
        ),
        Evolution(population=12, parents=4, crossed=4, mutated=4, generations=3),
        4,
        Finish(tuning=Recipe(steps=60, batch=32, rate=0.05), rounding=Recipe(steps=20, batch=32, rate=0.01)),
    ),
    "quick": Preset(
        "half an hour on two cores for pictures of up to 112 pixels and some thousands of them",
        SuperRecipe(
            largest=Recipe(steps=1_000, rate=0.2, warmup=100),
            sampled=Recipe(steps=2_000, rate=0.1, warmup=50),
        ),
        Evolution(population=60, parents=16, crossed=20, mutated=20, generations=8),
        8,
        Finish(tuning=Recipe(steps=1_500, rate=0.1, warmup=50), rounding=Recipe(steps=200, rate=0.005)),
    ),
    "paper": Preset(
        "as large as the papers' searches: population 100, 30 generations; days without a GPU",
        SuperRecipe(
            largest=Recipe(steps=60_000, batch=256, rate=0.1, warmup=2_000),
            sampled=Recipe(steps=120_000, batch=256, rate=0.05, warmup=1_000),
        ),
        Evolution(),
        20,
        Finish(
            tuning=Recipe(steps=100_000, batch=256, rate=0.05, warmup=1_000),
            rounding=Recipe(steps=5_000, batch=256, rate=0.001),
        ),
    ),
}


def preset_named(name: str) -> Preset:
    """Return a preset.

    Raises
    ------
    UserError
        When there is none of that name.
    """
    if name not in PRESETS:
        raise UserError(f"there is no preset {name}; use {', '.join(PRESETS)}")
    return PRESETS[name]
