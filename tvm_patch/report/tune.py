"""What tuning found, for people and programs."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape

from tvm_patch.driver.tune import TuningResult
from tvm_patch.report.columns import Column, fitted
from tvm_patch.report.models import Report
from tvm_patch.report.text import UNKNOWN, count


class TaskReport(Report):
    """One workload.

    Attributes
    ----------
    name, kernel : str
        Of the first operator that has it, and of its generator.
    operators, candidates, measured : int
        Operators that have it; configs that there are, and that were measured.
    before, after : int or None
        Instructions of one operator as it is compiled without a database, and with the best config.
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


class TuneReport(Report):
    """A network.

    Attributes
    ----------
    model, board, database, objective : str
    seed, trials, measured : int
        Candidates that were looked at, and that were run now.
    before, after : int
        Instructions of all operators that were measured.
    wrong : list of str
        Why candidates could not be used.
    tasks : list of TaskReport
    """

    model: str
    board: str
    database: str
    objective: str
    seed: int
    trials: int
    measured: int
    before: int
    after: int
    wrong: list[str]
    tasks: list[TaskReport]


def tune_report(
    model: str, board: str, database: Path, objective: str, seed: int, result: TuningResult
) -> TuneReport:
    """Return the report of a tuning run."""
    return TuneReport(
        model=model,
        board=board,
        database=str(database),
        objective=objective,
        seed=seed,
        trials=result.trials,
        measured=result.measured,
        before=result.before,
        after=result.after,
        wrong=list(result.wrong),
        tasks=[TaskReport(**vars(t)) for t in result.tasks],
    )


def print_tune(console: Console, report: TuneReport) -> None:
    """Print a line a workload, then the sum."""
    columns = (
        Column("operator", least=12),
        Column("kernel", drop=3),
        Column("best config", drop=5, least=16),
        Column("operators", right=True, drop=2),
        Column("measured", right=True, drop=4),
        Column("before", right=True),
        Column("after", right=True),
        Column("saved", right=True),
    )
    rows = [
        [
            escape(task.name),
            task.kernel,
            ", ".join(f"{k} {v}" for k, v in sorted(task.config.items())) or UNKNOWN,
            str(task.operators),
            f"{task.measured} of {task.candidates}",
            count(task.before),
            count(task.after),
            _saved(task.before, task.after),
        ]
        for task in report.tasks
    ]
    console.print(fitted(console, columns, rows))
    for reason in report.wrong:
        console.print(f"[red]left out:[/red] {escape(reason)}")
    console.print(
        f"{escape(report.model)} on {report.board}: {count(report.before)} → {count(report.after)} {report.objective} "
        f"in operators that can be tuned ({_saved(report.before, report.after)} saved), {report.trials} candidates, "
        f"{report.measured} of them run now"
    )
    console.print(
        f"database: {escape(report.database)} (tvm-patch compile --database {escape(report.database)} --prefer speed)"
    )


def _saved(before: int | None, after: int | None) -> str:
    return UNKNOWN if not before or after is None else f"{1 - after / before:.2%}"
