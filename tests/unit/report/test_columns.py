"""Tables are never wider than the terminal, and numbers are not what goes first."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from tests.unit.codegen.networks import small_network
from tvm_patch import driver
from tvm_patch.planner.choose import Request
from tvm_patch.report import inspect_report, run_report
from tvm_patch.report.columns import Bar, Column, fitted
from tvm_patch.report.plan import plan_report, print_plan
from tvm_patch.report.tables import print_inspect, print_run

WIDTHS = (60, 80, 100, 160)


def printed(show, *arguments, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    show(console, *arguments)
    return console.file.getvalue().splitlines()


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    data = small_network()
    planned = driver.analyse(data, plan=Request(input_mode="streamed"))
    artifact = driver.compile(data, board="qemu_m7")
    result = artifact.run(driver.random_inputs(artifact, 1), board="qemu_m7")
    return {
        "inspect": (print_inspect, inspect_report("net.tflite", driver.analyse(data))),
        "inspect a plan": (print_inspect, inspect_report("net.tflite", planned)),
        "plan": (print_plan, plan_report("net.tflite", driver.plan(data))),
        "run": (print_run, run_report("net.tflite", "qemu_m7", None, artifact.metadata, result)),
    }


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["inspect", "inspect a plan", "plan", "run"])
def test_reports_fit(reports, name, width):
    show, report = reports[name]
    lines = printed(show, report, width=width)
    assert max(map(len, lines)) <= width
    assert not any("…" in line for line in lines), "a number or a short name was cut"


def test_what_matters_stays(reports):
    text = "\n".join(printed(*reports["inspect"], width=60))
    operators = reports["inspect"][1].operators
    assert all(f"{op.live_bytes:,}" in text for op in operators)
    assert "← peak" in text
    text = "\n".join(printed(*reports["run"], width=60))
    assert "instructions" in text
    assert "share" in text


def test_all_is_there_where_there_is_room(reports):
    head = printed(*reports["inspect"], width=160)[0].split()
    assert head == ["index", "name", "kind", "kernel", "output", "MACs", "in", "use", "memory"]


COLUMNS = (
    Column("name", least=8),
    Column("kind", drop=2),
    Column("size", right=True),
    Column("share", drop=1),
)


def table(width: int, name: str = "a" * 30) -> list[str]:
    rows = [[name, "kind-of-thing", "1,234,567", Bar(1, 2)], ["b", "other", "1", Bar(2, 2, " ← peak")]]
    return printed(lambda console: console.print(fitted(console, COLUMNS, rows)), width=width)


@pytest.mark.parametrize("width", range(30, 120))
def test_any_width(width):
    lines = table(width)
    assert max(map(len, lines)) <= width
    assert "1,234,567" in lines[1]


def test_order_of_giving_way():
    assert "█" * 24 in table(110)[2]
    assert re.search(r"█{10} ← peak", table(75)[2])  # shorter bars first
    assert "aaa…" in table(65)[1]  # then names
    assert "kind" not in table(55)[0]  # then what can be left out
    assert "share" not in table(40)[0]


def test_markup_is_not_counted():
    rows = [["[bold red]" + "x" * 20 + "[/]", "k", "1", ""]]
    (head, line) = printed(lambda console: console.print(fitted(console, COLUMNS, rows)), width=60)
    assert "x" * 20 in line
    assert "share" in head
