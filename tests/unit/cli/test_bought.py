"""Commands say what more arena bought."""

from __future__ import annotations

import json

import pytest

from tvm_patch.planner.plan import Plan
from tvm_patch.tflite.writer import write_model
from tvm_patch.zoo.registry import build


@pytest.mark.slow
def test_commands_say_what_was_bought(command, tmp_path):
    path, saved = tmp_path / "net.tflite", tmp_path / "p.json"
    path.write_bytes(write_model(build("mlperf_ic")))
    board = ("--board", "qemu_m4")
    asked = ("--input-mode", "rereadable", "--max-overhead", "1.05")
    assert command("plan", path, *board, *asked, "-q", "--save", saved)[0] == 0
    assert Plan.load(saved).bought is None
    more = (*asked, "--sram", str(Plan.load(saved).arena_bytes + 1200))
    code, out, _ = command("plan", path, *board, *more, "--save", saved)
    assert code == 0
    assert "more than needed, for about" in out
    plan = Plan.load(saved)
    assert plan.bought is not None
    assert plan.bought.arena_bytes > 0
    for verb, options in (
        ("plan", more),
        ("compile", ("-o", tmp_path / "a", "--plan", saved)),
        ("run", more),
        ("run", ("--plan", saved)),
    ):
        code, out, _ = command(verb, path, *board, "--json", "-", *options)
        assert code == 0
        report = json.loads(out)
        assert report["bought"] == plan.bought.model_dump()
        assert report["arena_bytes"] == plan.arena_bytes
