"""Costs of many architectures, on several cores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from multiprocessing import get_context

from tvm_patch.errors import PlanError
from tvm_patch.nas.architecture import Architecture
from tvm_patch.nas.cost import Cost
from tvm_patch.nas.schedule import LayerByLayer, Schedule
from tvm_patch.targets import HOST, get_target

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
    schedule : LayerByLayer or InPatches or ByPlanner
        How it runs.
    """

    target: str = HOST.name
    schedule: Schedule = field(default_factory=LayerByLayer)

    def cost(self, architecture: Architecture) -> Cost | PlanError:
        """Return the cost of an architecture, or why it cannot run in this way."""
        try:
            return self.schedule.cost(architecture, get_target(self.target))
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
