"""The reports as tables for a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tvm_patch.report.answer import print_answers
from tvm_patch.report.columns import Bar, Cell, Column, fitted
from tvm_patch.report.models import CompileReport, InspectReport, RunReport, TensorReport
from tvm_patch.report.text import UNKNOWN, bought_text, count, kib, shape


def print_inspect(console: Console, report: InspectReport) -> None:
    """Print operators with the arena each one fills, then the summary."""
    columns = [
        *([Column("segment")] if report.segments else []),
        Column("index", right=True, drop=1),
        Column("name", least=12),
        Column("kind", drop=2),
        Column("kernel", drop=4),
        Column("output", drop=3),
        Column("MACs", right=True),
        Column("in use", right=True),
        Column("memory"),
    ]
    lines, styles, shown = list[list[Cell]](), list[str | None](), -1
    whole = max((op.live_bytes for op in report.operators), default=0)
    for op in report.operators:
        peak = op.index == report.peak_operator
        segment: list[str] = []
        if report.segments:
            one = report.segments[op.segment]
            segment = [f"{op.segment} {one.pieces}" if op.segment != shown else ""]
            shown = op.segment
        cells = [str(op.index), escape(op.name), op.kind, op.kernel, shape(op.output_shape), count(op.macs)]
        memory = Bar(op.live_bytes, whole, " ← peak" if peak else "")
        lines.append([*segment, *cells, f"{op.live_bytes:,}", memory])
        styles.append("bold" if peak else None)
    console.print(fitted(console, columns, lines, styles))
    rows = [("model", escape(report.model)), *_notes(report.notes)]
    rows += _tensors(report.inputs, report.outputs)
    rows += [
        *_plan(report),
        ("constants", f"{kib(report.constant_bytes)} as compiled, {kib(report.weight_bytes)} in the network"),
        ("arena", f"{kib(report.arena_bytes)}, {_quality(report)}"),
    ]
    _summary(console, rows)


def print_compile(console: Console, report: CompileReport) -> None:
    """Print what was written and what it needs."""
    rows = [
        ("artifact", f"{escape(report.artifact)} and .tar, {report.files} files"),
        ("model", f"{escape(report.model)} for {report.board}"),
        *_notes(report.notes),
        *_tensors(report.inputs, report.outputs),
        ("operators", str(len(report.operators))),
        *_plan(report),
        ("arena", kib(report.arena_bytes)),
        *([("", bought_text(report.bought))] if report.bought else []),
        *_weights(report),
        ("constants", kib(report.constant_bytes)),
    ]
    _summary(console, rows)


def print_run(console: Console, report: RunReport) -> None:
    """Print what every operator takes, then memory and the verdict."""
    timed = any(op.cycles is not None for op in report.operators)
    spent = [(op.cycles if timed else op.instructions) or 0 for op in report.operators]
    total = (report.cycles if timed else report.instructions) or sum(spent)
    columns = (
        Column("index", right=True, drop=1),
        Column("name", least=12),
        Column("kind", drop=4),
        Column("output", drop=5),
        Column("MACs", right=True, drop=3),
        Column("instructions", right=True, drop=0 if not timed else 6),
        *([Column("cycles", right=True)] if timed else []),
        Column("cycles/MAC" if timed else "instr/MAC", right=True, drop=2),
        Column("share"),
    )
    largest = max(spent, default=0)
    lines: list[list[Cell]] = [
        [
            str(op.index),
            escape(op.name),
            op.kind,
            shape(op.output_shape),
            count(op.macs),
            count(op.instructions),
            *([count(op.cycles)] if timed else []),
            f"{cost / op.macs:.2f}" if cost and op.macs else UNKNOWN,
            Bar(cost, largest, before=f"{100 * cost / max(1, total):5.1f} % "),
        ]
        for op, cost in zip(report.operators, spent, strict=True)
    ]
    if total:  # on a board that does not count, inspect says as much
        console.print(fitted(console, columns, lines))
    if report.flash:
        console.print(_flash(report))
    per_mac = (
        f", {report.instructions / report.macs:.2f} per MAC" if report.instructions and report.macs else ""
    )
    where = report.board + (f" as {report.as_board}" if report.as_board else "")
    rows = [
        ("model", f"{escape(report.model)} on {where}"),
        *_notes(report.notes),
        ("instructions", f"{count(report.instructions)}{per_mac}"),
        *_time(report),
        *_plan(report),
        ("arena", kib(report.arena_bytes)),
        *([("", bought_text(report.bought))] if report.bought else []),
        ("static data", kib(report.static_bytes)),
        *_weights(report),
        ("stack", kib(report.stack_bytes)),
        ("SRAM", kib(report.sram_bytes)),
        ("flash", kib(report.flash_bytes)),
    ]
    rows += _verdict(report)
    _summary(console, [row for row in rows if row[1] != UNKNOWN])
    if report.answers:
        print_answers(console, report.answers)


def _notes(notes: list[str]) -> list[tuple[str, str]]:
    return [("note", f"[yellow]{escape(note)}[/]") for note in notes]


def _weights(report: CompileReport | RunReport) -> list[tuple[str, str]]:
    """Return what weights take of RAM, if any do."""
    size = report.ram_constant_bytes
    if not size:
        return []
    if isinstance(report, CompileReport):
        return [("weights in RAM", f"{kib(size)}, {kib(report.arena_bytes + size)} with the arena")]
    return [("weights in RAM", f"{kib(size)} of the static data")]


def _time(report: RunReport) -> list[tuple[str, str]]:
    if report.cycles is None or report.cycles_parts is None:
        return []
    parts = {name.replace("_", " "): n for name, n in report.cycles_parts if n}
    shares = ", ".join(f"{name} {100 * n / max(1, report.cycles):.1f} %" for name, n in parts.items())
    error = f", ±{report.cycles_error_percent:g} %"
    rows = [("cycles", f"about {count(report.cycles)}{error}: {shares}")]
    if report.milliseconds is not None:
        rows.insert(0, ("time", f"about {report.milliseconds:.3g} ms{error}"))
    return rows


def _flash(report: RunReport) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("flash", no_wrap=True)
    for name in ("code", "constants", "bytes", "share"):
        table.add_column(name, justify="right", no_wrap=True)
    for part in report.flash:
        size = part.code_bytes + part.constant_bytes
        share = f"{100 * size / max(1, report.flash_bytes or 0):5.1f} %"
        table.add_row(part.kind, f"{part.code_bytes:,}", f"{part.constant_bytes:,}", f"{size:,}", share)
    return table


def _summary(console: Console, rows: list[tuple[str, str]]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="cyan")
    table.add_column(overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _tensors(inputs: list[TensorReport], outputs: list[TensorReport]) -> list[tuple[str, str]]:
    rows = []
    for label, tensors in (("input", inputs), ("output", outputs)):
        for t in tensors:
            scale = f", scale {t.scale:.6g} zero point {t.zero_point}" if t.scale else ""
            rows.append((label, f"{escape(t.name)} {shape(t.shape)} {t.dtype}{scale}"))
    return rows


def _plan(report: InspectReport | CompileReport | RunReport) -> list[tuple[str, str]]:
    """Return what was computed and how; a plan is only worth a line where there is one."""
    number = len(report.segments) if isinstance(report, InspectReport) else report.segments
    plan = f"{report.scheme}, {number} segment{'s' * (number != 1)}, {report.input_mode} input"
    plain = (report.scheme, report.input_mode) == ("layer", "resident")
    return [
        *([] if plain else [("plan", plan)]),
        ("MACs", f"{count(report.macs)} ({report.macs:,}), overhead {report.overhead:.3f}"),
    ]


def _quality(report: InspectReport) -> str:
    if report.arena_optimal:
        return f"optimal ({report.arena_method})"
    return f"at least {report.arena_lower_bound:,} B ({report.arena_method})"


def _verdict(report: RunReport) -> list[tuple[str, str]]:
    """Return what the check found, against what, and how far what people also compare with is."""
    rows = []
    if report.bit_exact is not None:
        against = f" against {escape(report.oracle)}" if report.oracle else ""
        if report.bit_exact:
            rows.append(("check", f"[green]bit-exact[/]{against}"))
        else:
            difference = UNKNOWN if report.max_abs_diff is None else f"{report.max_abs_diff}"
            rows.append(("check", f"[red]NOT bit-exact[/]{against}: largest difference {difference}"))
    elif report.oracle_refusals:
        rows.append(("check", "[red]not checked[/]"))
    rows += [("", escape(reason)) for reason in report.oracle_refusals]
    if report.default_diff is not None:
        steps = "the same" if report.default_diff == 0 else f"up to {report.default_diff} steps away"
        rows.append(("", f"LiteRT's default kernels: {steps}"))
    return rows
