"""``tvm-patch plan`` on a small model, really planned."""

from __future__ import annotations

import json

import pytest

from tests.unit.codegen.networks import small_network
from tvm_patch.cli.plan_options import parse_size
from tvm_patch.errors import UserError
from tvm_patch.planner.plan import Plan

KEYS = {
    "model", "input_mode", "scheme", "arena_bytes", "overhead", "macs", "macs_executed",
    "estimated_cycles", "segments", "front",
}  # fmt: skip


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.tflite"
    path.write_bytes(small_network())
    return path


def test_table(command, small):
    code, out, err = command("plan", small)
    assert (code, err) == (0, "")
    assert "← peak" in out
    assert "sets it:" in out


@pytest.mark.parametrize("options", [(), ("--input-mode", "streamed"), ("--scheme", "layer")])
def test_json(command, small, tmp_path, options):
    saved = tmp_path / "p.json"
    code, out, err = command("plan", small, "--json", "-", "--save", saved, *options)
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert set(report) >= KEYS
    assert set(report["segments"][0]) >= {"first", "last", "bands", "arena_bytes", "overhead"}
    assert set(report["front"][0]) == {"arena_bytes", "overhead", "estimated_cycles"}
    assert max(s["arena_bytes"] for s in report["segments"]) <= report["arena_bytes"]
    plan = Plan.load(saved)
    assert plan.arena_bytes == report["arena_bytes"]
    assert [list(s.operators) for s in plan.segments] == [s["operators"] for s in report["segments"]]


def test_plot(command, small, tmp_path):
    pytest.importorskip("matplotlib")
    assert command("plan", small, "-q", "--plot", tmp_path / "m.png") == (0, "", "")
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")


def test_limits(command, small):
    code, _, err = command("plan", small, "--sram", "40")
    assert code == 2
    assert "the least arena is" in err
    assert command("plan", small, "--sram", "64K", "--board", "nucleo_f746zg", "-q") == (0, "", "")
    for options in (
        ("--sram", "much"), ("--sram", "0"), ("--sram", "-4K"), ("--max-overhead", "0.5"),
        ("--max-overhead", "nan"), ("--board", "toaster"), ("--objective", "beauty"),
        ("--save", "/no/such/folder/p.json"),
    ):  # fmt: skip
        code, _, err = command("plan", small, *options)
        assert code == 2, options
        assert err.startswith("error: ")
        assert err.count("\n") == 1


def test_sizes():
    assert [parse_size(s) for s in ("4096", "4k", "0.5M", "1.5KiB", " 2 KB ")] == [
        4096,
        4096,
        524288,
        1536,
        2048,
    ]
    for text in ("", "K", "4G", "1e3", "nan", "99999999M"):
        with pytest.raises(UserError, match="is not a size"):
            parse_size(text)
