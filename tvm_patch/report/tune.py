"""What tuning found, for people and programs."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tvm_patch.report.models import Report
from tvm_patch.report.text import UNKNOWN, count
from tvm_patch.tuning.tune import TuningResult


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
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("operator", "kernel", "best config"):
        table.add_column(column)
    for column in ("operators", "measured", "before", "after", "saved"):
        table.add_column(column, justify="right")
    for task in report.tasks:
        config = ", ".join(f"{k} {v}" for k, v in sorted(task.config.items()))
        table.add_row(
            escape(task.name),
            task.kernel,
            config or UNKNOWN,
            str(task.operators),
            f"{task.measured} of {task.candidates}",
            count(task.before),
            count(task.after),
            _saved(task.before, task.after),
        )
    console.print(table)
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
