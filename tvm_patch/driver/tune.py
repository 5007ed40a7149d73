"""Tune the kernels of a network for a board."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tvm
from tvm.ir.utils import derived_object
from tvm.s_tir import meta_schedule as ms

from microtvm_project.boards import get_board
from tvm_patch.driver.front import Legalized, Progress
from tvm_patch.errors import UserError
from tvm_patch.kernels import Kernel
from tvm_patch.lowering.workload import config_of, knobs_of, text_of, workload_module, workload_text
from tvm_patch.targets import get_target
from tvm_patch.tuning.batch import OBJECTIVES, Objective
from tvm_patch.tuning.database import FAILED, SECONDS, key_of, measured_in, open_database
from tvm_patch.tuning.measure import Bench, FirmwareBuilder, FirmwareRunner
from tvm_patch.tuning.rack import EmulatedRack, Rack
from tvm_patch.tuning.remote import Tracker, TrackerRack
from tvm_patch.tuning.strategy import Budget, ConfigFeatures, ListedSearch, listed

BATCH = 16
"""Candidates in one firmware."""
_WARM_UP = 32
"""Measurements before the cost model is asked."""


@dataclass(frozen=True)
class TunedTask:
    """One workload of a network.

    Attributes
    ----------
    name : str
        Of the first operator that has it.
    kernel : str
        The generator.
    operators : int
        How many have it.
    candidates, measured : int
        Configs that there are, and that were measured.
    before, after : int or None
        Cost of one such operator with the usual config and with the best one; None where not measured.
    config : dict
        The best one.
    """

    name: str
    kernel: str
    operators: int
    candidates: int
    measured: int
    before: int | None
    after: int | None
    config: dict[str, int]


@dataclass(frozen=True)
class TuningResult:
    """What tuning a network found.

    Attributes
    ----------
    tasks : tuple of TunedTask
        The costliest first.
    trials : int
        Candidates that were looked at.
    measured : int
        Those that were run now; the database knew the others.
    wrong : tuple of str
        Candidates whose result differed from the reference, or that failed.
    """

    tasks: tuple[TunedTask, ...]
    trials: int
    measured: int
    wrong: tuple[str, ...]

    @property
    def before(self) -> int:
        """Instructions of all operators that were measured, with their usual configs."""
        return sum(t.operators * t.before for t in self.tasks if t.before is not None)

    @property
    def after(self) -> int:
        """Instructions of the same operators with their best configs."""
        return sum(t.operators * (t.after or 0) for t in self.tasks if t.before is not None)


def tune(
    legalized: Legalized,
    folder: Path,
    *,
    board: str = "qemu_m7",
    trials: int = 1000,
    seed: int = 0,
    objective: Objective = "cycles",
    tracker: Tracker | None = None,
    progress: Progress | None = None,
) -> TuningResult:
    """Measure configs of a network's kernels and keep what they cost in a database.

    What the database knows is not measured again, and the search does not depend on where an answer comes from: an
    interrupted run that is started again with the same seed ends as it would have.

    Parameters
    ----------
    legalized : Legalized
        The network.
    folder : Path
        Of the database; made where there is none.
    board : str
        An emulated board; with a tracker, any that runs firmware.
    trials : int
        Most candidates to look at.
    seed : int
        Of the order of candidates and of the cost model.
    objective : {"cycles", "instructions"}
        What should be few: cycles, which are estimated by the core's model and measured on real boards, or
        instructions, which are counted.
    tracker : Tracker, optional
        Where boards are registered that share the work.
    progress : callable, optional
        Called with what is being done and the fraction done.

    Raises
    ------
    UserError
        When the board cannot count instructions, xgboost is missing, or the database cannot be used.
    BoardsLostError
        When the tracker's boards are gone.
    ToolMissingError
        When the compiler or QEMU is missing.
    """
    rack: Rack = (
        TrackerRack(get_board(board).name, tracker) if tracker else EmulatedRack(get_board(board).name)
    )
    if tracker is None and get_board(board).runner != "qemu":
        raise UserError(
            f"{board} does not count instructions; tune for qemu_m7 or qemu_m4, or give the --tracker of real boards"
        )
    if objective not in OBJECTIVES:
        raise UserError(f"objective {objective!r} is unknown; use {', '.join(OBJECTIVES)}")
    if trials < 1:
        raise UserError(f"{trials} trials are too few; give 1 or more")
    try:
        import xgboost  # noqa: F401
    except ImportError as error:
        raise UserError("tuning needs XGBoost; pip install 'tvm-patch[tune]'") from error
    target = get_target(get_board(board).cpu)
    kernels, _ = replace(legalized, target=target).describe()
    cycles_of = (board if tracker else target.name) if objective == "cycles" else None
    by_text: dict[str, list[Kernel]] = {}
    for kernel in kernels:
        if len(kernel.candidates()) > 1:
            by_text.setdefault(workload_text(kernel, target.tuned_on, cycles_of), []).append(kernel)
    if not by_text:
        return TuningResult((), 0, 0, ())
    texts = sorted(by_text, key=lambda t: (-len(by_text[t]) * by_text[t][0].macs, t))
    first = {t: by_text[t][0] for t in texts}
    usual = {t: first[t].within(target.ample_scratch) for t in texts}
    database = open_database(folder, create=True)
    bench = Bench(first, rack, measured_in(folder), objective)
    known = dict(bench.known)
    keeper = _Keeper(bench, database, trials, progress or (lambda _text, _fraction: None))
    try:
        _search(texts, first, usual, bench, keeper, trials, seed)
    except Exception as error:
        if bench.stopped_by is None:
            raise
        raise bench.stopped_by from error
    tasks = tuple(_summary(t, by_text[t], usual[t], {**known, **keeper.costs}) for t in texts)
    wrong = tuple(sorted({o for o in bench.outcomes.values() if isinstance(o, str)}))
    return TuningResult(tasks, keeper.seen, len(bench.outcomes), wrong)


def _search(
    texts: Sequence[str],
    kernels: dict[str, Kernel],
    usual: dict[str, Kernel],
    bench: Bench,
    keeper: Any,
    trials: int,
    seed: int,
) -> None:
    for name in ("tvm.s_tir.meta_schedule", "tvm.s_tir.meta_schedule.cost_model.xgb_model"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # MetaSchedule's own model guesses from numpy's global generator until it was trained.
    state = np.random.get_state()
    np.random.seed(seed)
    budget = Budget(trials)
    try:
        tasks = [
            ms.TuneContext(
                workload_module(text),
                target=tvm.target.Target("c"),
                space_generator=ms.space_generator.ScheduleFn(_as_it_is, [], [], {}),
                search_strategy=ListedSearch(listed(kernels[text], usual[text], seed + i), budget),
                task_name=kernels[text].op.name,
                rand_state=seed + 1,
                num_threads=1,
            )
            for i, text in enumerate(texts)
        ]
        model = ms.cost_model.XGBModel(
            extractor=ConfigFeatures(kernels),
            config=ms.cost_model.xgb_model.XGBConfig(seed=seed, nthread=1, tree_method="hist"),
            num_warmup_samples=_WARM_UP,
            num_tuning_cores=1,
        )
        ms.tune.tune_tasks(
            tasks=tasks,
            task_weights=[1.0] * len(tasks),
            work_dir=bench.folder.name,
            max_trials_global=trials,
            num_trials_per_iter=BATCH,
            builder=FirmwareBuilder(bench),
            runner=FirmwareRunner(bench),
            database=ms.database.MemoryDatabase(),
            cost_model=model,
            measure_callbacks=[keeper, ms.measure_callback.UpdateCostModel()],
            task_scheduler="round-robin",
        )
    finally:
        np.random.set_state(state)
        bench.folder.cleanup()


def _as_it_is(schedule: Any) -> Any:
    return schedule


@derived_object
class _Keeper(ms.measure_callback.PyMeasureCallback):
    """Writes what is new to the database and reports."""

    def __init__(
        self, bench: Bench, database: Any, trials: int, report: Callable[[str, float], None]
    ) -> None:
        super().__init__()
        self.bench, self.database, self.report = bench, database, report
        self.trials, self.seen = trials, 0
        self.costs: dict[tuple[str, str], float] = {}
        self.best: dict[str, tuple[float, float]] = {}

    def apply(
        self,
        task_scheduler: Any,
        task_id: int,
        measure_candidates: list[Any],
        builder_results: list[Any],
        runner_results: list[Any],
    ) -> None:
        """Keep a batch."""
        text = ""
        for candidate, result in zip(measure_candidates, runner_results, strict=True):
            text = text_of(candidate.sch.mod)
            key = key_of(text, config_of(candidate.sch.mod))
            seconds = float(result.run_secs[0]) if result.run_secs else FAILED
            cost = float("inf") if seconds >= FAILED else round(seconds / SECONDS)
            self.costs[key] = cost
            first, least = self.best.get(text, (cost, cost))
            self.best[text] = (first, min(least, cost))
            self.seen += 1
            if self.bench.known.get(key) != cost:
                self.bench.known[key] = cost
                self._write(candidate, text, seconds)
        first = sum(a for a, _ in self.best.values())
        least = sum(b for _, b in self.best.values())
        name = self.bench.kernels[text].op.name if text else ""
        gain = f"{(1 - least / first):.2%} saved so far" if 0 < first < float("inf") else ""
        self.report(f"{name}: {gain}", min(1.0, self.seen / self.trials))

    def _write(self, candidate: Any, text: str, seconds: float) -> None:
        workload = self.database.commit_workload(workload_module(text))
        record = ms.database.TuningRecord(
            candidate.sch.trace, workload, [seconds], tvm.target.Target("c"), []
        )
        self.database.commit_tuning_record(record)


def _summary(
    text: str, kernels: Sequence[Kernel], usual: Kernel, costs: dict[tuple[str, str], float]
) -> TunedTask:
    candidates = usual.candidates()
    keys = {key_of(text, c): c for c in candidates}
    measured = {k: costs[k] for k in keys if costs.get(k, float("inf")) != float("inf")}
    before = measured.get(key_of(text, {k: usual.config[k] for k in knobs_of(candidates)}))
    best = min(measured, key=lambda k: (measured[k], k[1]), default=None)
    return TunedTask(
        kernels[0].op.name,
        type(usual).__name__,
        len(kernels),
        len(candidates),
        sum(k in costs for k in keys),
        None if before is None else int(before),
        None if best is None else int(measured[best]),
        {} if best is None else {k: int(v) for k, v in keys[best].items()},
    )
