"""Work that many workers share: in this process, or on machines that Ray knows (extra ``[cluster]``).

A worker is made once, from what it is told, and then given job after job; whoever does a job, the result is the same.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

from tvm_patch.errors import ToolMissingError, UserError

Job = TypeVar("Job")
Result = TypeVar("Result")
Work = Callable[[Job], Result]
_RETRIES = 3
"""Of a job whose worker was lost."""


class Workers(Protocol, Generic[Job, Result]):
    """Whoever does jobs; use it in a ``with`` statement."""

    def __enter__(self) -> Workers[Job, Result]:
        """Make ready."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let all go."""

    def map(self, jobs: Sequence[Job]) -> Iterator[Result]:
        """Yield the results of jobs in their order."""


class Here(AbstractContextManager["Here[Job, Result]"], Generic[Job, Result]):
    """Does one job after the other in this process.

    Parameters
    ----------
    make : callable
        Makes what does a job; called when the first job comes.
    """

    def __init__(self, make: Callable[[], Work[Job, Result]]) -> None:
        self._make = make
        self._work: Work[Job, Result] | None = None

    def __exit__(self, *_: object) -> None:
        self._work = None

    def map(self, jobs: Sequence[Job]) -> Iterator[Result]:
        """Yield the results of jobs in their order."""
        for job in jobs:
            if self._work is None:
                self._work = self._make()
            yield self._work(job)


class OnRay(AbstractContextManager["OnRay[Job, Result]"], Generic[Job, Result]):
    """Gives jobs to actors of a Ray cluster; those of a lost actor are done again by another.

    Parameters
    ----------
    make : callable
        Makes what does a job; sent to every worker, so it must be a function of a module, with arguments that pickle.
    count : int
        Workers.
    address : str
        Of the cluster, as ``ray.init`` takes it; ``local`` starts one on this machine.

    Raises
    ------
    ToolMissingError
        Ray is not installed.
    UserError
        On entry: there is no cluster at the address.
    """

    def __init__(self, make: Callable[[], Work[Job, Result]], count: int, address: str) -> None:
        if importlib.util.find_spec("ray") is None:
            raise ToolMissingError("a cluster needs Ray: pip install 'tvm-patch[cluster]'")
        self._make, self._count, self._address = make, count, address
        self._actors: list[Any] = []

    def __enter__(self) -> OnRay[Job, Result]:
        import ray

        try:
            ray.init(address=self._address, log_to_driver=False, configure_logging=False)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise UserError(f"no Ray cluster at {self._address}: {error}") from error
        actor = ray.remote(max_restarts=-1, max_task_retries=_RETRIES, num_cpus=1)(_Worker)
        self._actors = [actor.remote(self._make) for _ in range(self._count)]
        return self

    def __exit__(self, *_: object) -> None:
        import ray

        self._actors = []
        ray.shutdown()

    def map(self, jobs: Sequence[Job]) -> Iterator[Result]:
        """Yield the results of jobs in their order."""
        from ray.util import ActorPool

        yield from ActorPool(self._actors).map(lambda actor, job: actor.do.remote(job), list(jobs))


class _Worker:
    """What Ray makes an actor of."""

    def __init__(self, make: Callable[[], Work[Any, Any]]) -> None:
        self._work = make()

    def do(self, job: Any) -> Any:
        """Return the result of a job."""
        return self._work(job)


def workers(
    make: Callable[[], Work[Job, Result]], count: int = 1, address: str | None = None
) -> Here[Job, Result] | OnRay[Job, Result]:
    """Return workers: of a cluster where there is an address, this process otherwise."""
    return Here(make) if address is None else OnRay(make, count, address)
