"""Recipes of searches: how much work, and for published ones the board, the space and the schedules too.

Full-scale recipes are JSON files beside the code (``recipes/``), for machines with GPUs; copy one to make another.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tvm_patch.errors import UserError
from tvm_patch.nas.evolution import Evolution
from tvm_patch.nas.how import How
from tvm_patch.nas.recipe import Finish, Recipe, SuperRecipe
from tvm_patch.nas.record import Record

_Size = Annotated[int, Field(ge=1, strict=True)] | None


class SearchRecipe(Record):
    """Everything that a search depends on, but data and seed.  What is None is for the command line to say.

    Attributes
    ----------
    text : str
        What it is for.
    data : str
        What to give it, and where from.
    board : str
        That the network is for.
    sram_bytes, flash_bytes : int or None
        Limits other than the board's.
    space : str or None
        That is searched.
    how : How
        What subnets may be run with.
    training : SuperRecipe
        Of the super network.
    batches : int
        Of 64 pictures, that batch normalization is calibrated with.
    evolution : Evolution
    finish : Finish
        Of the chosen network.
    anchors : int
        Of a detector, where pictures have boxes.
    """

    kind: ClassVar[str] = "search recipe"
    format: Literal["tvm-patch search recipe"] = "tvm-patch search recipe"
    version: Literal[1] = 1
    text: str
    data: str = ""
    board: str = "stm32f746g_disco"
    sram_bytes: _Size = None
    flash_bytes: _Size = None
    space: str | None = None
    how: How = How()
    training: SuperRecipe
    batches: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 20
    evolution: Evolution = Evolution()
    finish: Finish
    anchors: Annotated[int, Field(ge=1, le=20, strict=True)] = 3

    def for_detectors(self) -> SearchRecipe:
        """Return the same with lower rates and gradients that are shortened: a detector's are long at first."""
        training = SuperRecipe(
            largest=_gentle(self.training.largest),
            sampled=_gentle(self.training.sampled),
            subnets=self.training.subnets,
        )
        parts = {"tuning": _gentle(self.finish.tuning), "rounding": _gentle(self.finish.rounding)}
        finish = self.finish.model_copy(update=parts)
        return self.model_copy(update={"training": training, "finish": finish})


def _gentle(recipe: Recipe) -> Recipe:
    return recipe if recipe.clip else recipe.model_copy(update={"rate": recipe.rate / 5, "clip": 10.0})


PRESETS = {
    "smoke": SearchRecipe(
        text="seconds; shows that all parts work, finds nothing",
        training=SuperRecipe(
            largest=Recipe(steps=40, batch=32, rate=0.1, warmup=5),
            sampled=Recipe(steps=40, batch=32, rate=0.1, warmup=5),
            subnets=2,
        ),
        evolution=Evolution(population=12, parents=4, crossed=4, mutated=4, generations=3),
        batches=4,
        finish=Finish(
            tuning=Recipe(steps=60, batch=32, rate=0.05), rounding=Recipe(steps=20, batch=32, rate=0.01)
        ),
    ),
    "quick": SearchRecipe(
        text="half an hour on two cores for pictures of up to 112 pixels and some thousands of them",
        training=SuperRecipe(
            largest=Recipe(steps=1_000, rate=0.2, warmup=100),
            sampled=Recipe(steps=2_000, rate=0.1, warmup=50),
        ),
        evolution=Evolution(population=60, parents=16, crossed=20, mutated=20, generations=8),
        batches=8,
        finish=Finish(
            tuning=Recipe(steps=1_500, rate=0.1, warmup=50), rounding=Recipe(steps=200, rate=0.005)
        ),
    ),
}
_FOLDER = files("tvm_patch.nas") / "recipes"


def preset_names() -> list[str]:
    """Return the names of all recipes that come with the project."""
    found = (Path(entry.name) for entry in _FOLDER.iterdir())
    return [*PRESETS, *sorted(path.stem for path in found if path.suffix == ".json")]


def preset_named(name: str) -> SearchRecipe:
    """Return a recipe by its name, or from a file.

    Raises
    ------
    UserError
        When there is none, or the file is none; names the field.
    """
    if name in PRESETS:
        return PRESETS[name]
    if name in preset_names():
        return SearchRecipe.from_json((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    if name.endswith(".json"):
        return SearchRecipe.load(name)
    raise UserError(f"there is no preset {name}; use {', '.join(preset_names())}, or a .json file of one")
