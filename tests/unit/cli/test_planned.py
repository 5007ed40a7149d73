"""Compiling, running and inspecting under a plan, on a small model and with the real driver."""

from __future__ import annotations

import json

import numpy as np
import pytest

import tvm_patch
from microtvm_project.arena_room import board_sram
from microtvm_project.boards import get_board
from tvm_patch.cli.plan_options import PlanOptions, SchemeName
from tvm_patch.cli.plan_source import plan_source
from tvm_patch.driver.plan import Planned
from tvm_patch.errors import InternalError, UserError

pytestmark = pytest.mark.slow

MODES = ["resident", "rereadable", "streamed"]
COSTS = ("input_mode", "scheme", "arena_bytes", "macs", "macs_executed", "overhead")


@pytest.fixture
def report(command):
    """Run a command line that must succeed; returns its JSON."""

    def run(*arguments):
        code, out, err = command(*arguments, "--json", "-")
        assert (code, err) == (0, "")
        return json.loads(out)

    return run


def costs(document):
    return {key: document[key] for key in COSTS}


@pytest.fixture
def picture(tmp_path):
    image = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(1).integers(0, 256, (18, 14, 3)).astype(np.uint8)
    image.fromarray(pixels).save(tmp_path / "p.png")
    return tmp_path / "p.png"


# ---------------------------------------------------------------------- the same plan, wherever it is given


@pytest.mark.parametrize("mode", MODES)
def test_file_and_options_agree(report, net, tmp_path, mode):
    options = ("--input-mode", mode, "--objective", "memory")
    planned = report("plan", net, *options, "--save", tmp_path / "p.json")
    assert planned["input_mode"] == mode
    assert planned["scheme"] == "auto"
    for given in (options, ("--plan", tmp_path / "p.json")):
        inspected = report("inspect", net, *given)
        assert costs(inspected) == costs(planned)
        assert inspected["segments"] == planned["segments"]
        assert max(op["live_bytes"] for op in inspected["operators"]) == max(
            s["arena_bytes"] for s in planned["segments"]
        )
        compiled = report("compile", net, *given, "-o", tmp_path / "a")
        assert costs(compiled) == costs(planned)
        assert compiled["segments"] == len(planned["segments"])
    image = compiled["inputs"][0]
    assert (image["arena_offset"] is None) == (mode != "resident")
    # What was compiled says so when it is run later.
    ran = report("run", tmp_path / "a")
    assert costs(ran) == costs(planned)
    assert ran["segments"] == len(planned["segments"])


def test_no_option_is_layer_by_layer(report, net, tmp_path):
    plain = report("compile", net, "-o", tmp_path / "a")
    assert (plain["scheme"], plain["input_mode"]) == ("layer", "resident")
    assert plain["segments"] == len(plain["operators"])
    assert costs(report("inspect", net)) == costs(plain)
    assert report("inspect", net)["segments"] == []
    layer = report("compile", net, "-o", tmp_path / "a", "--scheme", "layer")
    assert costs(layer) == costs(plain)
    assert (
        report("compile", net, "-o", tmp_path / "a", "--objective", "memory")["arena_bytes"]
        < (plain["arena_bytes"])
    )


@pytest.mark.parametrize("board", ["host", "qemu_m7"])
@pytest.mark.parametrize("mode", MODES)
def test_picture_in_every_mode(report, net, picture, mode, board):
    pytest.importorskip("ai_edge_litert")
    ran = report(
        "run", net, "--board", board, "--input-mode", mode, "--max-overhead", "1.05",
        "--input", picture, "--input-scale", "-11", "--check",
    )  # fmt: skip
    assert ran["bit_exact"] is True
    assert ran["max_abs_diff"] == 0
    assert ran["input_mode"] == ran["inputs"][0].get("mode", mode) == mode
    assert ran["overhead"] <= 1.05
    if board != "host":
        assert ran["sram_bytes"] == ran["arena_bytes"] + ran["static_bytes"] + ran["stack_bytes"]


def test_patches_of_mcunetv2(report, net, tmp_path):
    options = ("--scheme", "mcunetv2", "--patches", "2", "--layers", "4")
    planned = report("plan", net, *options, "--save", tmp_path / "p.json")
    first = planned["segments"][0]
    assert (first["first"], first["last"], first["patch_rows"], first["bands"]) == (0, 3, 2, 2)
    assert all(s["patch_rows"] == 0 for s in planned["segments"][1:])
    assert planned["macs_executed"] > planned["macs"]
    for given in (options, ("--plan", tmp_path / "p.json")):
        assert costs(report("compile", net, *given, "-o", tmp_path / "a")) == costs(planned)
    assert costs(report("inspect", net, *options)) == costs(planned)
    assert report("run", tmp_path / "a")["scheme"] == "mcunetv2"


def test_table_marks_segments(command, net):
    options = ("--input-mode", "rereadable", "--scheme", "mcunetv2", "--patches", "2")
    code, out, _ = command("inspect", net, *options)
    assert code == 0
    assert out.split()[:3] == ["segment", "index", "name"]
    assert "0 2×2 patches" in out
    assert "rereadable input" in out
    code, out, _ = command("inspect", net)
    assert "segment" not in out


# ---------------------------------------------------------------------- options that contradict each other

VERBS = ["compile", "run", "inspect"]


def output_of(verb, tmp_path):
    return ["-o", tmp_path / "out"] if verb == "compile" else []


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--plan", "{plan}", "--input-mode", "streamed", "--sram", "4K"],
            "says already how to run the model; leave out --input-mode, --sram, or --plan",
        ),
        (["--plan", "{plan}", "--scheme", "layer"], "leave out --scheme, or --plan"),
        (["--patches", "3"], "--patches 3 says nothing without --scheme mcunetv2"),
        (["--scheme", "auto", "--layers", "3"], "--layers 3 says nothing without --scheme mcunetv2"),
        (["--scheme", "mcunetv2", "--patches", "0"], "Invalid value for '--patches'"),
        (["--max-overhead", "0.9"], "--max-overhead 0.9 is impossible"),
        (["--sram", "much"], "--sram 'much' is not a size"),
        (["--scheme", "magic"], "Invalid value for '--scheme'"),
        (["--plan", "{plan}.gone"], "cannot read the plan"),
        (["--plan", "{folder}"], "cannot read the plan"),
    ],
)
def test_contradictions(refused, net, command, tmp_path, verb, options, message):
    assert command("plan", net, "-q", "--save", tmp_path / "p.json")[0] == 0
    filled = [
        o.replace("{plan}", str(tmp_path / "p.json")).replace("{folder}", str(tmp_path)) for o in options
    ]
    assert message in refused(verb, net, *output_of(verb, tmp_path), *filled)


@pytest.mark.parametrize("options", [["--input-mode", "streamed"], ["--plan", "p.json"], ["--patches", "2"]])
def test_artifacts_are_not_planned(refused, artifact, options):
    line = refused("run", artifact, *options)
    assert line == (
        f"error: {artifact} is compiled already, under a plan of its own; leave out {options[0]}, "
        "or give the .tflite file"
    )


# ---------------------------------------------------------------------- limits


@pytest.mark.parametrize("mode", MODES)
def test_impossible_memory_is_explained_everywhere(refused, net, tmp_path, mode):
    lines = {
        refused(verb, net, *output_of(verb, tmp_path), "--input-mode", mode, "--sram", "40")
        for verb in [*VERBS, "plan"]
    }
    (line,) = lines
    assert "fits 40 bytes of SRAM with" in line
    assert "the least arena is" in line
    assert "sets it:" in line


def test_board_is_the_limit_of_what_is_planned():
    board = get_board("nucleo_f412zg")
    some = PlanOptions(max_overhead=1.5)
    request = plan_source(None, some, board)
    assert (request.sram, request.objective) == (board_sram(board), "memory")
    assert plan_source(None, PlanOptions(sram="4K"), board).sram == 4096
    assert plan_source(None, PlanOptions(sram="4M"), board).sram == board_sram(board)
    assert plan_source(None, PlanOptions(scheme=SchemeName.layer), board) is None
    assert plan_source(None, PlanOptions(scheme=SchemeName.layer, max_overhead=2.0), board).sram is not None
    assert plan_source(None, PlanOptions(), board) is None
    # Emulators have megabytes; that they are there is no reason to use them.
    assert (
        plan_source(None, PlanOptions(scheme=SchemeName.auto), get_board("qemu_m7")).objective == "balanced"
    )
    assert plan_source(None, PlanOptions(scheme=SchemeName.auto), board).objective is None


@pytest.mark.parametrize("verb", ["compile", "run"])
def test_board_that_is_too_small(refused, net, tmp_path, monkeypatch, verb):
    monkeypatch.setattr("microtvm_project.arena_room.BESIDE_ARENA", 256 * 1024 - 40)
    options = ("--board", "qemu_m7", "--as", "nucleo_f746zg", "--input-mode", "rereadable")
    assert "fits 40 bytes of SRAM" in refused(verb, net, *output_of(verb, tmp_path), *options)


# ---------------------------------------------------------------------- from Python


def test_python(net):
    planned = tvm_patch.plan(net, tvm_patch.Request(input_mode="rereadable", max_overhead=1.05))
    assert isinstance(planned, Planned)
    assert isinstance(planned.plan, tvm_patch.Plan)
    artifact = tvm_patch.compile(net, plan=planned.plan)
    assert artifact.arena_bytes == planned.plan.arena_bytes
    again = tvm_patch.compile(net, plan=tvm_patch.Request(input_mode="rereadable", max_overhead=1.05))
    assert again.contents.files == artifact.contents.files
    recorded = artifact.metadata.plan
    assert recorded["input_mode"] == artifact.metadata.input_mode == "rereadable"
    assert tvm_patch.Plan.model_validate({**recorded, "front": planned.plan.front}) == planned.plan


def test_python_refuses_two_plans(net):
    for more in ({"input_mode": "resident"}, {"segments": lambda _network: ()}):
        with pytest.raises(UserError, match="give either plan, or segments and input_mode"):
            tvm_patch.compile(net, plan=tvm_patch.Request(), **more)


@pytest.mark.parametrize("field", ["arena_bytes", "macs_executed"])
def test_broken_promise_is_our_fault(net, monkeypatch, field):
    from tvm_patch.driver import plan as _  # noqa: F401
    from tvm_patch.driver.spend import spend

    def dishonest(*args):
        choice = spend(*args)
        plan = choice.plan.model_copy(update={field: getattr(choice.plan, field) - 1})
        return type(choice)(plan, choice.point, choice.front)

    import sys

    monkeypatch.setattr(sys.modules["tvm_patch.driver.plan"], "spend", dishonest)
    with pytest.raises(InternalError, match="the plan promises"):
        tvm_patch.compile(net, plan=tvm_patch.Request())
