"""Compile mutants in child processes with limits, so that a crash or a hang is a result like any other."""

from __future__ import annotations

import multiprocessing
import random
import resource
import signal
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Literal

from tests.unit.driver.mutate import mutate_bytes, mutate_model

Level = Literal["bytes", "structure"]
Stage = Literal["import", "compile", "compare"]

TIMEOUT = 10.0
"""Seconds of computing that one mutant may take; small models take a tenth of one."""

_STUCK = 120.0  # seconds by the clock, for what waits without computing; the machine may be busy

_START = 60.0  # seconds for a child to load TVM
_MEMORY = 6 << 30


@dataclass(frozen=True)
class Case:
    """A mutant, by what it is made of.

    Attributes
    ----------
    source : str
        A single-operator model of ``tests.unit.relay_passes.models``, ``small`` or the path of a file.
    level : {"bytes", "structure"}
        What is changed.
    number : int
        Seed of the change.
    stage : {"import", "compile", "compare"}
        How far it is taken: the frontend; the whole compiler; its numbers against LiteRT's.
    """

    source: str
    level: Level
    number: int
    stage: Stage


@dataclass
class Outcome:
    """How mutants ended.

    Attributes
    ----------
    counts : Counter
        ``compiled``, ``refused``, ``same``, ``different``, ...
    failures : list of tuple of Case and str
        Everything but a refusal or a success, with the traceback.
    """

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[Case, str]] = field(default_factory=list)


@cache
def _seed(source: str) -> Any:
    """Return the sound model, as bytes and as structure."""
    from tests.unit.codegen.networks import small_network
    from tests.unit.relay_passes.models import EDGES, OURS_ONLY, STOCK_TOO, single
    from tvm_patch.tflite.reader import read_model
    from tvm_patch.tflite.writer import write_model

    builds = {**STOCK_TOO, **OURS_ONLY, **EDGES}
    if source in builds:
        model = single(builds[source])
        return write_model(model), model
    data = small_network() if source == "small" else Path(source).read_bytes()
    return data, read_model(data)


def mutant(case: Case) -> bytes | None:
    """Return the file of `case`; None where the change is one that no file can hold."""
    import struct

    from tvm_patch.errors import UnsupportedError
    from tvm_patch.tflite.writer import write_model

    data, model = _seed(case.source)
    # By the file's name: the same mutant wherever the file lies.
    rng = random.Random(f"{Path(case.source).name} {case.level} {case.number}")
    if case.level == "bytes":
        return mutate_bytes(data, rng)
    try:
        return write_model(mutate_model(model, rng))
    except (UnsupportedError, TypeError, struct.error, OverflowError):
        return None


def attempt(case: Case) -> str:
    """Take `case` through the compiler and return one word; everything unexpected propagates."""
    from tvm_patch import driver
    from tvm_patch.errors import UserError
    from tvm_patch.frontend import import_tflite

    data = mutant(case)
    if data is None:
        return "unwritable"
    try:
        if case.stage == "import":
            import_tflite(data)
            return "imported"
        driver.compile(data)
    except UserError as error:
        check_message(str(error))
        return "refused"
    return compare(data) if case.stage == "compare" else "compiled"


def check_message(message: str) -> None:
    """Assert that a refusal can stand on one line of a terminal."""
    assert message.isprintable(), repr(message)
    assert 10 < len(message) < 700, message


def compare(data: bytes) -> str:
    """Compare the legalized model's numbers with LiteRT's."""
    import numpy as np

    from tests.unit.relay_passes.models import outputs_of, random_input
    from tvm_patch.driver.front import legalize
    from tvm_patch.oracle import Oracle, OracleRefusal

    legalized = legalize(data, io="float")
    values = random_input(legalized.model)
    try:
        with Oracle(data, isolate=True) as oracle:
            expected = oracle.run(values).outputs
    except OracleRefusal as refusal:
        return f"only we compile: {refusal}"
    try:
        got = outputs_of(legalized.module, values)
    except ValueError as error:
        if "int32" in str(error):
            return "overflow"
        raise
    same = [
        a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b)
        for a, b in zip(got, expected, strict=True)
    ]
    assert all(same), f"differs from LiteRT: outputs {same}"
    return "same"


def _serve(pipe: Connection) -> None:
    """Attempt cases from `pipe` until it closes."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import tvm_patch.driver  # noqa: F401 -- loads TVM before the clock of the first case runs

    pipe.send(("ready", ""))
    while True:
        try:
            case = pipe.recv()
        except EOFError:
            return
        signal.setitimer(signal.ITIMER_PROF, TIMEOUT)  # its signal ends the process
        try:
            answer = (attempt(case), "")
        except (
            BaseException
        ):  # also KeyboardInterrupt and SystemExit: none of them may come out of a compiler
            answer = ("escaped", traceback.format_exc())
        signal.setitimer(signal.ITIMER_PROF, 0)
        pipe.send(answer)


class _Worker:
    """One child and the case it is at."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_serve, args=(other,), daemon=True)
        self.process.start()
        other.close()
        self.case: Case | None = None
        assert self.answer(_START) == ("ready", "")

    def answer(self, timeout: float) -> tuple[str, str]:
        if not self.pipe.poll(timeout):
            return "hangs", "no answer"
        try:
            return self.pipe.recv()
        except EOFError:
            self.process.join()
            if self.process.exitcode == -signal.SIGPROF:
                return "hangs", f"more than {TIMEOUT} s of computing"
            return "dies", f"the process ended with {self.process.exitcode}"

    def end(self) -> None:
        self.pipe.close()
        self.process.kill()
        self.process.join()


def run_cases(cases: Iterable[Case], workers: int = 2) -> Outcome:
    """Attempt all cases and return how they ended."""
    outcome, waiting = Outcome(), iter(cases)
    slots: list[_Worker | None] = [_started(_Worker(), waiting) for _ in range(workers)]
    while busy := {w.pipe: (i, w) for i, w in enumerate(slots) if w is not None}:
        # Nobody within the limit: whoever works now is too slow.
        for pipe in wait(list(busy), _STUCK) or list(busy):
            index, worker = busy[pipe]
            word, detail = worker.answer(0.0)
            assert worker.case is not None
            outcome.counts[word] += 1
            if detail:
                outcome.failures.append((worker.case, f"{word}: {detail}"))
            if word in ("hangs", "dies"):
                worker.end()
                slots[index] = _started(_Worker(), waiting)
            else:
                slots[index] = _started(worker, waiting)
    return outcome


def _started(worker: _Worker, waiting: Iterator[Case]) -> _Worker | None:
    """Give a worker its next case; end it and return None when there is none left."""
    worker.case = next(waiting, None)
    if worker.case is None:
        worker.end()
        return None
    worker.pipe.send(worker.case)
    return worker
