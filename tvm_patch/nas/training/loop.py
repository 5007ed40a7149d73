"""The loop that all training has: steps, checkpoints, going on after a stop, and an end when the loss is lost."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf

from tvm_patch.errors import UserError
from tvm_patch.nas.data.pictures import Pictures
from tvm_patch.nas.detection.scenes import Scenes
from tvm_patch.nas.recipe import Recipe
from tvm_patch.nas.training.checkpoint import check_same, load_checkpoint, save_checkpoint
from tvm_patch.nas.training.optimizer import Optimizer, restore_weights, weights_by_place

_SECONDS = 60.0
"""Between checkpoints."""


class Step(NamedTuple):
    """How far training is.

    Attributes
    ----------
    done, total : int
        Steps.
    loss : float
        Of this step.
    """

    done: int
    total: int
    loss: float


class Training(ABC):
    """Something that is trained, in one or more phases, and where it stands.

    The same seed gives the same weights, whether it was stopped in between or not.

    Parameters
    ----------
    trained : sequence of Variable
        What the optimizer changes.
    kept : sequence of Variable
        What a checkpoint holds beside it.
    pictures : Pictures or Scenes
        To train on.
    phases : sequence of Recipe
        One after the other, each with a momentum of its own.
    seed : int
        Of everything random.
    checkpoint : Path, optional
        File to keep the state in; see :meth:`go_on`.
    """

    def __init__(
        self,
        trained: Sequence[tf.Variable],
        kept: Sequence[tf.Variable],
        pictures: Pictures | Scenes,
        phases: Sequence[Recipe],
        seed: int = 0,
        checkpoint: Path | None = None,
    ) -> None:
        self.trained, self.kept, self.pictures = list(trained), list(kept), pictures
        self.phases, self.seed, self.checkpoint = tuple(phases), seed, checkpoint
        self.done = 0
        self.total = sum(phase.steps for phase in phases)
        self.optimizer = Optimizer(self.trained, self.phases[0])

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Return what training depends on besides pictures, recipes and seed; JSON."""

    @abstractmethod
    def step(self, phase: int, number: int) -> float:
        """Do a step of a phase and return its loss; the optimizer has the learning rate of this step."""

    def begin(self, phase: int, *, anew: bool) -> None:
        """Start a phase, or one that a checkpoint is in the middle of where it is not anew."""
        self.optimizer = Optimizer(self.trained, self.phases[phase])

    def run(self) -> Iterator[Step]:
        """Train to the end, yielding after every step.

        Raises
        ------
        UserError
            When the loss is no number any more; the last checkpoint is kept.  When the checkpoint is of something else.
        """
        current = self._go_on()
        saved = time.monotonic()
        while self.done < self.total:
            phase, number = self._place()
            if phase != current:
                self.begin(phase, anew=True)
                current = phase
            self.optimizer.set_step(number)
            loss = self.step(phase, number)
            if not math.isfinite(loss):
                rate = self.phases[phase].rate
                raise UserError(
                    f"the loss is {loss} at step {self.done} of {self.total}: try a lower learning rate than {rate:g}"
                    f"{self._kept_in()}"
                )
            self.done += 1
            if self.done == self.total or time.monotonic() - saved > _SECONDS:
                self.save()
                saved = time.monotonic()
            yield Step(self.done, self.total, loss)

    def save(self) -> None:
        """Write the checkpoint, if there is a file for it."""
        if self.checkpoint is not None:
            weights = weights_by_place([*self.trained, *self.kept])
            meta = {**self._all_settings(), "done": self.done}
            save_checkpoint(self.checkpoint, {**weights, **self.optimizer.state()}, meta)

    def _place(self) -> tuple[int, int]:
        """Return the phase of the next step, and which of its steps it is; the last phase after the end."""
        number = self.done
        for index, phase in enumerate(self.phases):
            if number < phase.steps:
                return index, number
            number -= phase.steps
        return len(self.phases) - 1, number

    def _go_on(self) -> int:
        """Restore the checkpoint, if there is one, and return the phase that training is in; -1 at the start."""
        if self.checkpoint is None or not self.checkpoint.exists() or self.done:
            return self._place()[0] if self.done else -1
        arrays, meta = load_checkpoint(self.checkpoint)
        check_same(self.checkpoint, meta, self._all_settings())
        self.done = int(meta["done"])
        phase, number = self._place()
        restore_weights([*self.trained, *self.kept], arrays)
        if number == 0:
            return phase - 1
        self.begin(phase, anew=False)
        self.optimizer.restore(arrays)
        return phase

    def _all_settings(self) -> dict[str, Any]:
        return {
            **self.settings(),
            "recipe": [phase.model_dump(mode="json") for phase in self.phases],
            "seed": self.seed,
            "data set": [len(self.pictures), list(self.pictures.classes)],
        }

    def _kept_in(self) -> str:
        if self.checkpoint is None or not self.checkpoint.exists():
            return ""
        return f"; the last good weights are in {self.checkpoint}"
