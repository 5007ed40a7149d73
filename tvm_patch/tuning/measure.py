"""MetaSchedule's builder and runner: batches of candidates in one firmware, nothing measured twice."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tvm.ir.utils import derived_object
from tvm.s_tir import meta_schedule as ms

from tvm_patch.errors import BoardError, PatchError
from tvm_patch.kernels import Kernel
from tvm_patch.lowering.workload import config_of, text_of
from tvm_patch.tuning.batch import Batch, Objective, Outcome, write_batch
from tvm_patch.tuning.database import SECONDS, Key, key_of
from tvm_patch.tuning.rack import Rack, Run

_OUTPUT_BYTES = 4 << 20
"""Of all candidates in one firmware: they must fit the emulated board's memory."""


@dataclass
class Bench:
    """What builder and runner share.

    Attributes
    ----------
    kernels : mapping of str to Kernel
        An operator for every workload.
    rack : Rack
        Where to run.
    known : dict
        Costs of what was measured before; infinity for what failed.
    objective : {"instructions", "cycles"}
        What is measured.
    outcomes : dict
        What was measured in this run, or why not.
    batches : dict
        Firmware that was built and not yet run, by a number.
    stopped_by : PatchError or None
        What ended the search, as a missing compiler.
    """

    kernels: Mapping[str, Kernel]
    rack: Rack
    known: dict[Key, float]
    objective: Objective = "instructions"
    outcomes: dict[Key, Outcome] = field(default_factory=dict)
    batches: dict[int, tuple[Batch, Run]] = field(default_factory=dict)
    folder: tempfile.TemporaryDirectory[str] = field(
        default_factory=lambda: tempfile.TemporaryDirectory(prefix="tvm-patch-tune-")
    )
    built: int = 0
    stopped_by: PatchError | None = None

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Keep an error that ends the search: what comes back through TVM has another type."""
        try:
            yield
        except PatchError as error:
            self.stopped_by = error
            raise

    def build(self, text: str, configs: list[dict[str, int]]) -> None:
        """Build firmware for configs of one workload; those that do not compile get their outcome."""
        most = max(1, _OUTPUT_BYTES // self.kernels[text].op.outputs[0].nbytes)
        if len(configs) > most:
            for start in range(0, len(configs), most):
                self.build(text, configs[start : start + most])
            return
        try:
            self.batches[self.built] = self._batch(text, configs)
        except BoardError as error:
            if len(configs) == 1:
                self.outcomes[key_of(text, configs[0])] = str(error)
                return
            # One that does not compile must not take the others with it.
            for config in configs:
                self.build(text, [config])

    def _batch(self, text: str, configs: list[dict[str, int]]) -> tuple[Batch, Run]:
        self.built += 1
        folder = Path(self.folder.name) / str(self.built)
        folder.mkdir()
        batch = write_batch(self.kernels[text], configs, self.rack.board, folder)
        return batch, self.rack.prepare(batch, folder)

    def run(self, text: str, number: int) -> None:
        """Run firmware that was built."""
        batch, run = self.batches.pop(number)
        configs = [{k: int(v) for k, v in c.items()} for c in batch.configs]
        try:
            outcomes = run(self.objective)
        except BoardError as error:
            if len(configs) > 1:
                for config in configs:
                    self.build(text, [config])
                for one in list(self.batches):
                    self.run(text, one)
                return
            outcomes = [str(error)]
        for config, outcome in zip(configs, outcomes, strict=True):
            self.outcomes[key_of(text, config)] = outcome

    def result(self, key: Key) -> ms.runner.RunnerResult:
        """Return what is known of a candidate, as MetaSchedule wants it."""
        outcome: Outcome | float = self.outcomes[key] if key in self.outcomes else self.known[key]
        if isinstance(outcome, str) or outcome == float("inf"):
            return ms.runner.RunnerResult(None, str(outcome))
        return ms.runner.RunnerResult([outcome * SECONDS], None)


@derived_object
class FirmwareBuilder(ms.builder.PyBuilder):
    """Compiles the candidates of one task as one firmware."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench

    def build(self, build_inputs: list[ms.builder.BuilderInput]) -> list[ms.builder.BuilderResult]:
        """Build batches that were not measured before."""
        bench, paths = self.bench, []
        new: dict[str, dict[Key, dict[str, int]]] = {}
        for given in build_inputs:
            text, config = text_of(given.mod), config_of(given.mod)
            key = key_of(text, config)
            paths.append("\n".join(key))
            new.setdefault(text, {})[key] = config
        for text, configs in new.items():
            # A batch is known or measured whole: costs differ by an instruction or two with what is beside them.
            if not all(key in bench.known for key in configs):
                with bench.noting():
                    bench.build(text, list(configs.values()))
        return [ms.builder.BuilderResult(path, None) for path in paths]


@derived_object
class _Done(ms.runner.PyRunnerFuture):
    def __init__(self, result: ms.runner.RunnerResult) -> None:
        super().__init__()
        self.answer = result

    def done(self) -> bool:
        """Say that it has finished."""
        return True

    def result(self) -> ms.runner.RunnerResult:
        """Return the result."""
        return self.answer


@derived_object
class FirmwareRunner(ms.runner.PyRunner):
    """Runs the firmware and tells the candidates' results apart."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench

    def run(self, runner_inputs: list[ms.runner.RunnerInput]) -> list[ms.runner.RunnerFuture]:
        """Run all that was built."""
        keys = [tuple(str(r.artifact_path).split("\n")) for r in runner_inputs]
        for number in list(self.bench.batches):
            with self.bench.noting():
                self.bench.run(keys[0][0], number)
        return [_Done(self.bench.result((text, config))) for text, config in keys]
