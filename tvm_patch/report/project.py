"""Reports of ``tvm-patch project``: what was made, what it weighs, what it computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field
from rich.markup import escape
from rich.table import Table

from tvm_patch.report.answer import print_answers
from tvm_patch.report.columns import Column, fitted
from tvm_patch.report.models import AnswerReport, Report

if TYPE_CHECKING:
    from rich.console import Console

    from microtvm_project.project.sizes import MemoryUse
    from microtvm_project.project_api import ProjectOption


class MemoryReport(Report):
    """One memory of a board.

    Attributes
    ----------
    name : str
    length, used, free : int
        Bytes.
    by_owner : dict of str to int
        Bytes of model, input, runtime (the loop around the model) and system (operating system and libraries).
    """

    name: str
    length: int
    used: int
    free: int
    by_owner: dict[str, int]


class ProjectReport(Report):
    """A project, and what it was built to.

    Attributes
    ----------
    project, template, model : str
    board : str or None
        What it is built for; None where the builder says so.
    made_for : str
        The board that the model's kernels were chosen for.
    memories : list of MemoryReport
        Empty before it is built, and where the parts are not told apart.
    """

    project: str
    template: str
    model: str
    board: str | None = None
    made_for: str
    memories: list[MemoryReport] = Field(default_factory=list)


class OperatorCostReport(Report):
    """An operator and its cost."""

    name: str
    cost: int


class ProjectRunReport(Report):
    """An inference of a project's firmware.

    Attributes
    ----------
    project, board, model : str
    cost : int
        In ``unit``.
    unit : str
        instructions, cycles or nanoseconds.
    arena_bytes : int
    stack_bytes : int or None
    rows_read : int
    operators : list of OperatorCostReport
        With ``--profile``.
    bit_exact : bool or None
        None without ``--check``.
    answers : list of AnswerReport
        What came out for a given input.
    """

    project: str
    board: str
    model: str
    cost: int
    unit: str
    arena_bytes: int
    stack_bytes: int | None
    rows_read: int
    operators: list[OperatorCostReport] = Field(default_factory=list)
    bit_exact: bool | None = None
    answers: list[AnswerReport] = Field(default_factory=list)


class OptionReport(Report):
    """An option of a template."""

    name: str
    type: str
    help: str
    choices: list[str] | None
    default: str | int | bool | None
    required: list[str]
    optional: list[str]


class OptionList(Report):
    """All options of a template."""

    template: str
    options: list[OptionReport]


class ProjectBoardReport(Report):
    """A board and the templates that make projects for it."""

    name: str
    cpu: str
    templates: list[str]


class ProjectBoardList(Report):
    """Boards that projects can be made for."""

    boards: list[ProjectBoardReport]


def memory_reports(uses: list[MemoryUse]) -> list[MemoryReport]:
    """Turn sizes into their report."""
    return [
        MemoryReport(
            name=u.name, length=u.length, used=u.used, free=u.length - u.used, by_owner=dict(u.by_owner)
        )
        for u in uses
    ]


def option_list(template: str, options: tuple[ProjectOption, ...]) -> OptionList:
    """Turn options into their report."""
    return OptionList(
        template=template,
        options=[
            OptionReport(
                name=o.name,
                type=o.type,
                help=o.help,
                choices=list(o.choices) if o.choices else None,
                default=o.default,
                required=list(o.required),
                optional=list(o.optional),
            )
            for o in options
        ],
    )


def print_project(console: Console, report: ProjectReport) -> None:
    """Print what there is and what it weighs."""
    board = f", to build for {report.board}" if report.board else ""
    console.print(f"{escape(report.project)}: {report.template} project of {escape(report.model)}{board}")
    console.print(f"its code was made for {report.made_for} (tvm-patch compile --board)")
    if not report.memories:
        return
    owners = [o for o in report.memories[0].by_owner if any(m.by_owner.get(o) for m in report.memories)]
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("memory", no_wrap=True)
    for name in (*owners, "used", "of", "free"):
        table.add_column(name, justify="right", no_wrap=True)
    for m in report.memories:
        used = f"{m.used:,} ({100 * m.used / m.length:.1f} %)"
        table.add_row(
            m.name, *(f"{m.by_owner.get(o, 0):,}" for o in owners), used, f"{m.length:,}", f"{m.free:,}"
        )
    console.print(table)


def print_project_run(console: Console, report: ProjectRunReport) -> None:
    """Print the cost, per operator if asked for, and the verdict."""
    if report.operators:
        total = max(1, sum(o.cost for o in report.operators))
        columns = (
            Column("operator", least=12),
            Column(report.unit, right=True),
            Column("share", right=True, drop=1),
        )
        parts = [[escape(o.name), f"{o.cost:,}", f"{100 * o.cost / total:.1f} %"] for o in report.operators]
        console.print(fitted(console, columns, parts))
    rows = [
        ("model", f"{escape(report.model)} on {report.board}"),
        (report.unit, f"{report.cost:,}"),
        ("arena", f"{report.arena_bytes:,} bytes"),
        ("stack", "–" if report.stack_bytes is None else f"{report.stack_bytes:,} bytes"),
    ]
    if report.rows_read:
        rows.append(("rows", f"{report.rows_read:,} from the host"))
    if report.bit_exact is not None:
        rows.append(("check", "bit-exact" if report.bit_exact else "[bold red]differs from the reference[/]"))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        console.print(f"{name:<{width}}  {value}")
    if report.answers:
        print_answers(console, report.answers)


def print_options(console: Console, report: OptionList) -> None:
    """Print a template's options."""
    columns = (
        Column("option"),
        Column("type", drop=3),
        Column("default", drop=1, least=10, fold=True),
        Column("for", drop=2, least=10, fold=True),
        Column("meaning", least=20, fold=True),
    )
    rows = []
    for o in report.options:
        methods = ", ".join(m.replace("generate_project", "create") for m in (*o.required, *o.optional))
        default = "[bold]required[/]" if o.required else "" if o.default is None else escape(str(o.default))
        choices = f" ({', '.join(o.choices)})" if o.choices else ""
        rows.append([o.name, o.type, default, methods, escape(o.help + choices)])
    console.print(fitted(console, columns, rows))


def print_project_boards(console: Console, report: ProjectBoardList) -> None:
    """Print boards and templates."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("board", "CPU", "templates"):
        table.add_column(name)
    for b in report.boards:
        table.add_row(b.name, b.cpu, ", ".join(b.templates))
    console.print(table)
