"""Costs of many architectures, on several cores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from multiprocessing import get_context

from tvm_patch.errors import PlanError
from tvm_patch.input_mode import InputMode
from tvm_patch.nas.architecture import Architecture
from tvm_patch.nas.cost import Cost, layer_cost, patched_cost
from tvm_patch.nas.planned import planned
from tvm_patch.targets import HOST, Target, get_target

_CHUNK = 64
"""Architectures that a worker is given at once: sending one takes about as long as its cost."""
_AHEAD = 4
"""Chunks that wait for each worker, so that none is idle and an endless iterable is read no further than it has to."""


@dataclass(frozen=True)
class Question:
    """What to ask of every architecture.

    Attributes
    ----------
    target : str
        Name of what it runs on; see :func:`tvm_patch.targets.get_target`.
    mode : {"resident", "rereadable", "streamed"}
        Where the picture comes from.
    patches, layers : int
        As for :func:`tvm_patch.nas.cost.patched_cost`.
    max_overhead : float
        As for :func:`tvm_patch.nas.planned.planned`; with neither `patches` nor this: layer by layer.
    """

    target: str = HOST.name
    mode: InputMode = "resident"
    patches: int = 0
    layers: int = 0
    max_overhead: float = 0.0

    def cost(self, architecture: Architecture) -> Cost | PlanError:
        """Return the cost of an architecture, or why it cannot run in this way."""
        target: Target = get_target(self.target)
        try:
            if self.max_overhead:
                return planned(architecture, target, self.mode, self.max_overhead).cost
            if not self.patches:
                return layer_cost(architecture, target, self.mode)
            return patched_cost(architecture, target, self.patches, self.layers, self.mode)
        except PlanError as refusal:
            return refusal


def costs(
    architectures: Iterable[Architecture], question: Question, workers: int = 1
) -> Iterator[Cost | PlanError]:
    """Yield the answer for every architecture, in their order.

    Parameters
    ----------
    architectures : iterable of Architecture
        Read only a little ahead of the answers.
    question : Question
    workers : int
        Processes; 1 stays in this one.
    """
    if workers <= 1:
        yield from map(question.cost, architectures)
        return
    source = iter(architectures)
    chunks = iter(lambda: list(islice(source, _CHUNK)), [])
    # Workers that are forked would share locks of threads that they do not have.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        answer = partial(_answers, question)
        waiting = [pool.submit(answer, chunk) for chunk in islice(chunks, workers * _AHEAD)]
        while waiting:
            done = waiting.pop(0)
            waiting += [pool.submit(answer, chunk) for chunk in islice(chunks, 1)]
            yield from done.result()


def _answers(question: Question, architectures: list[Architecture]) -> list[Cost | PlanError]:
    return [question.cost(architecture) for architecture in architectures]
