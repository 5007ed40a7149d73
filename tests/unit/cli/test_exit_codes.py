import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["inspect", "no.tflite"], "error: no.tflite does not exist; give a .tflite file"),
        (["run", "{model}", "--board", "toaster"], "error: unknown board 'toaster'"),
        (["run", "{model}", "--board", "nucleo_f746zg"], "error: nucleo_f746zg cannot be run directly"),
        (["run", "{model}", "--as", "nucleo_f746zg"], "error: host cannot stand for nucleo_f746zg"),
        (["run", "{model}", "--json", "no/such/folder.json"], "does not exist; make it first"),
        (["compile", "{model}"], "error: Missing option"),
        (["compile", "{model}", "-o", "{model}"], "is a file; give a folder"),
        (["run", "{model}", "--seed", "-1"], "error: Invalid value for '--seed'"),
        (["inspect", "{model}", "--nonsense"], "error: No such option"),
        (["frobnicate"], "error: No such command"),
    ],
)
def test_mistakes_are_one_line_and_2(command, driver, model, arguments, message):
    code, out, err = command(*(a.replace("{model}", str(model)) for a in arguments))
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert driver.calls == []  # found before any work


def test_unsupported_model(command, driver, model):
    model.write_bytes(b"unsupported")
    code, _, err = command("run", model)
    assert code == 2
    assert err == "error: operator 3 (conv2d): no kernel for int16; quantize to int8\n"


def test_our_fault(command, driver, model, monkeypatch):
    model.write_bytes(b"fault")
    code, _, err = command("run", model)
    assert code == 1
    assert err.startswith("internal error: RuntimeError: two lines; please report it")
    assert err.count("\n") == 1
    monkeypatch.setenv("TVM_PATCH_TRACEBACK", "1")
    assert "Traceback" in command("run", model)[2]


def test_interrupted(command, driver, model):
    model.write_bytes(b"interrupt")
    assert command("run", model)[0] == 130


def test_old_report_survives_a_failure(command, driver, model, tmp_path):
    (tmp_path / "r.json").write_text("old")
    model.write_bytes(b"fault")
    command("run", model, "--json", tmp_path / "r.json")
    assert (tmp_path / "r.json").read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["r.json", "tiny.tflite"]


def module(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "tvm_patch", *arguments],
        capture_output=True, text=True, timeout=60, check=False, **options,
    )  # fmt: skip


def test_the_program_itself():
    done = module("inspect", "no.tflite")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: no.tflite does not exist; give a .tflite file\n"
    assert module("--version").stdout.startswith("tvm-patch ")


def test_a_reader_that_has_gone():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "tvm_patch", "boards", "--json", "-"],
        stdout=write, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
    )  # fmt: skip
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def test_help_imports_no_tvm():
    code = (
        "import sys; from tvm_patch.cli.app import run_app; run_app(['--help']); print('tvm' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip().endswith("False")
