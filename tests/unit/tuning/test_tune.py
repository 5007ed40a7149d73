"""Tuning on the emulated Cortex-M7: what it finds, what it leaves out, and that an interruption changes nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import tvm_patch
from tests.unit.tuning.networks import block
from tvm_patch import driver
from tvm_patch.driver.front import legalize
from tvm_patch.driver.tune import tune
from tvm_patch.errors import BoardError, ToolMissingError, UserError
from tvm_patch.oracle import Oracle
from tvm_patch.tuning import batch, rack
from tvm_patch.tuning.database import RECORDS, load_measured

pytest.importorskip("xgboost")
pytestmark = pytest.mark.slow
ALL = 1000


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return a network, its result tuned without interruption, and the database."""
    folder = tmp_path_factory.mktemp("whole")
    model = block()
    return model, tune(legalize(model), folder, trials=40, objective="instructions"), folder


def records(folder) -> list[str]:
    return sorted((folder / RECORDS).read_text().splitlines())


def test_no_task_gets_worse_and_one_gets_better(whole):
    _, result, _ = whole
    assert len(result.tasks) == 3
    assert all(t.after <= t.before for t in result.tasks)
    assert result.after < result.before
    assert result.trials == result.measured == 40
    assert result.wrong == ()


def test_what_was_measured_is_what_runs(whole):
    """The least cost in the database is what the operator costs in the network."""
    model, result, folder = whole
    artifact = tvm_patch.compile(model, board="qemu_m7", database=folder, prefer="speed")
    given = driver.random_inputs(artifact, 1, 0)
    run = artifact.run(given, board="qemu_m7")
    assert sorted(run.operator_instructions) == pytest.approx(
        sorted(t.after for t in result.tasks), rel=0.005
    )
    with Oracle(model) as oracle:
        assert driver.check(artifact, model, given, run.outputs, oracle).bit_exact


def test_a_second_run_measures_nothing_and_finds_the_same(whole, tmp_path):
    model, result, folder = whole
    before = records(folder)
    again = tune(legalize(model), folder, trials=40, objective="instructions")
    assert (again.measured, again.tasks) == (0, result.tasks)
    assert records(folder) == before


def test_going_on_ends_as_if_there_had_been_no_interruption(whole, tmp_path):
    """Cut off in the middle of a line, in the middle of a batch."""
    model, result, folder = whole
    shutil.copytree(folder, tmp_path / "cut")
    lines = (folder / RECORDS).read_text().splitlines(keepends=True)
    (tmp_path / "cut" / RECORDS).write_text("".join(lines[:20]) + lines[20][:50])
    rest = tune(legalize(model), tmp_path / "cut", trials=40, objective="instructions")
    assert 20 <= rest.measured < 40
    assert rest.tasks == result.tasks
    assert records(tmp_path / "cut") == records(folder)


@pytest.mark.slow
def test_killed_and_started_again(whole, tmp_path):
    model, _, folder = whole
    (tmp_path / "block.tflite").write_bytes(model)
    database = tmp_path / "tuned"
    command = [
        sys.executable,
        "-m",
        "tvm_patch",
        "tune",
        "block.tflite",
        "--trials",
        "40",
        "--objective",
        "instructions",
        "--database",
        "tuned",
    ]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while not (database / RECORDS).exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    assert len(records(database)) < 40
    subprocess.run(command, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL, timeout=300)
    assert records(database) == records(folder)


def test_wrong_candidates_are_left_out(monkeypatch, tmp_path):
    def other(op, inputs):
        (expected,) = reference(op, inputs)
        return [expected ^ np.int8(1)] if op.kind == "depthwise_conv2d" else [expected]

    reference = batch.evaluate
    monkeypatch.setattr(batch, "evaluate", other)
    result = tune(legalize(block()), tmp_path, trials=40)
    assert result.wrong == (batch.WRONG,)
    by_kernel = {t.kernel: t for t in result.tasks}
    assert by_kernel["DirectDepthwise"].after is None
    assert by_kernel["DotConv2d"].after is not None
    assert len(load_measured(tmp_path, ("cortex-m7",))) == 2  # workloads with something to choose


def test_candidates_that_do_not_compile_do_not_take_others_with_them(monkeypatch, tmp_path):
    build = rack.build_firmware

    def picky(folder, *arguments, **options):
        text = next(folder.glob("codegen/host/src/*_lib0.c")).read_text()
        if "tvmp_dot_2x3_" in text and "tvmp_dot_2x2_" in text:
            raise BoardError("no such tile")
        return build(folder, *arguments, **options)

    monkeypatch.setattr(rack, "build_firmware", picky)
    result = tune(legalize(block()), tmp_path, trials=40)
    assert result.wrong == ("no such tile",)
    assert all(t.after is not None for t in result.tasks)


def test_for_cycles(tmp_path):
    """Fewer instructions need not be fewer cycles of a Cortex-M7."""
    model = block()
    result = tune(legalize(model), tmp_path, trials=60, objective="cycles")
    assert result.after < result.before
    artifact = tvm_patch.compile(model, board="qemu_m7", database=tmp_path, prefer="speed")
    given = driver.random_inputs(artifact, 1, 0)
    usual = tvm_patch.compile(model, board="qemu_m7")
    tuned_cycles, usual_cycles = (
        a.run(given, board="qemu_m7", profile=False, cycles=True).cycles.total for a in (artifact, usual)
    )
    assert tuned_cycles < usual_cycles
    assert all(t.config["dual"] for t in result.tasks)


def test_seeds_give_other_orders(tmp_path):
    first, second = (tune(legalize(block()), tmp_path / str(s), trials=12, seed=s) for s in (1, 2))
    assert first.trials == second.trials == 12
    assert records(tmp_path / "1") != records(tmp_path / "2")


def test_a_missing_compiler_is_said_as_everywhere(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissingError, match="arm-none-eabi-gcc is not installed"):
        tune(legalize(block()), tmp_path / "tuned", trials=4)


@pytest.mark.parametrize("board", ["host", "nucleo_f746zg"])
def test_boards_that_do_not_count(board, tmp_path):
    with pytest.raises(UserError, match="tune for qemu_m7 or qemu_m4"):
        tune(legalize(block()), tmp_path, board=board)
