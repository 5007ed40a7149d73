"""The tasks, and what all networks of a task have in common."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tvm_patch.nas.data.open import open_task
from tvm_patch.nas.data.pictures import Task
from tvm_patch.nas.evolution import Evolution
from tvm_patch.nas.how import How
from tvm_patch.nas.recipe import Finish, Recipe, SuperRecipe

SHARED = Path(os.environ.get("TVM_PATCH_SHARED", "../shared"))
PLANNERS = {
    "tflm": How(kind="tflm"),
    "layers": How(kind="layers"),
    "planner": How(kind="planner", mode="rereadable", max_overhead=1.2),
}
"""TFLite Micro's way of planning and ours layer by layer have the picture in the arena; plans fetch it by rows."""
SUPER = SuperRecipe(
    largest=Recipe(steps=600, rate=0.2, warmup=50), sampled=Recipe(steps=1_200, rate=0.1, warmup=50)
)
EVOLUTION = Evolution(population=40, parents=12, crossed=15, mutated=15, generations=8)
FINISH = Finish(tuning=Recipe(steps=1_500, rate=0.2, warmup=100), rounding=Recipe(steps=150, rate=0.005))
"""Of every network, searched or scaled: from new weights, so that all are trained alike."""
BATCHES = 8


@dataclass(frozen=True)
class Contest:
    """A task with its limits.

    Attributes
    ----------
    name : str
    sram_bytes, flash_bytes : int
        Of arena and constants.
    space : str
        That is searched.
    data : str
        As :func:`tvm_patch.nas.data.open.open_task` takes it.
    """

    name: str
    sram_bytes: int
    flash_bytes: int
    space: str
    data: str

    def task(self) -> Task:
        """Open the data set."""
        task = open_task(self.data)
        assert isinstance(task, Task)
        return task


CONTESTS = (
    Contest("digits", 16 * 1024, 256 * 1024, "tiny-16k", "digits"),
    Contest("clothing10", 32 * 1024, 512 * 1024, "tiny-32k", str(SHARED / "datasets" / "clothing10.zip")),
)
