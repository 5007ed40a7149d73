"""``tvm-patch project``: what it makes, says and refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.unit.cli.conftest import run_app


def run(capsys, *words) -> tuple[int, str, str]:
    code = run_app([str(w) for w in words])
    out, err = capsys.readouterr()
    return code, out, err


def made(capsys, artifact, folder, template, *options):
    words = [word for o in options for word in ("-O", o)]
    code, _, err = run(capsys, "project", "create", artifact, "-t", template, "-o", folder, "-q", *words)
    assert code == 0, err
    return folder


@pytest.mark.parametrize(
    ("template", "options", "unit"),
    [
        ("host", [], "nanoseconds"),
        ("host", ["sanitize=yes"], "nanoseconds"),
        ("qemu", ["board=qemu_m7", "as_board=nucleo_f746zg"], "instructions"),
        ("qemu", ["board=qemu_m4", "transport=tcp"], "instructions"),
    ],
)
def test_create_build_flash_run(capsys, small_artifact, small_model, tmp_path, template, options, unit):
    project = made(capsys, small_artifact, tmp_path / "p", template, *options)
    code, out, err = run(capsys, "project", "build", project, "--json", "-")
    assert code == 0, err
    report = json.loads(out)
    assert (report["template"], report["model"]) == (template, "small")
    if template == "qemu":
        sram, flash = report["memories"]
        assert (sram["name"], flash["name"]) == ("SRAM", "FLASH")
        assert sram["used"] == sum(sram["by_owner"].values()) == sram["length"] - sram["free"]
        if "as_board=nucleo_f746zg" in options:
            assert (sram["length"], flash["length"]) == (256 * 1024, 1024 * 1024)
    assert run(capsys, "project", "flash", project, "-q")[0] == 0
    code, out, err = run(
        capsys, "project", "run", project, "--profile", "--check", small_model, "--json", "-"
    )
    assert code == 0, err
    report = json.loads(out)
    assert report["bit_exact"] is True
    assert report["unit"] == unit
    assert report["cost"] > 0
    assert [o["name"] for o in report["operators"]][-1].startswith("softmax")
    if unit == "instructions":
        assert sum(o["cost"] for o in report["operators"]) == pytest.approx(report["cost"], rel=0.01)


def test_rows_come_from_the_host(capsys, streamed_artifact, small_model, tmp_path):
    project = made(capsys, streamed_artifact, tmp_path / "p", "qemu", "board=qemu_m7")
    assert run(capsys, "project", "build", project, "-q")[0] == 0
    np.save(tmp_path / "x.npy", np.full((1, 9, 7, 3), -5, np.int8))
    code, out, err = run(
        capsys, "project", "run", project, "--input", tmp_path / "x.npy", "--check", small_model
    )
    assert code == 0, err
    assert "bit-exact" in out
    assert "9 from the host" in out


def test_what_people_see(capsys, small_artifact, tmp_path):
    project = made(capsys, small_artifact, tmp_path / "p", "qemu", "board=qemu_m7")
    _, out, _ = run(capsys, "project", "build", project)
    assert "qemu project of small, to build for qemu_m7" in out
    assert "SRAM" in out
    _, out, _ = run(capsys, "project", "list-boards")
    assert "nucleo_f412zg" in out
    _, out, _ = run(capsys, "project", "list-boards", "-t", "host", "--json", "-")
    assert [b["name"] for b in json.loads(out)["boards"]] == ["host"]
    _, out, _ = run(capsys, "project", "options", "zephyr")
    assert "project_type" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["project", "create", "none", "-t", "host", "-o", "p"], "does not exist"),
        (["project", "create", "x.tflite", "-t", "host", "-o", "p"], "not compiled yet"),
        (["project", "create", ".", "-t", "host", "-o", "p"], "not an artifact"),
        (["project", "create", ".", "-t", "arduino", "-o", "p"], "no template 'arduino'"),
        (["project", "build", "."], "not a project"),
        (["project", "run", "."], "not a project"),
        (["project", "options", "arduino"], "no template 'arduino'; known are zephyr, qemu, host, c"),
        (["project", "list-boards", "-t", "arduino"], "no template 'arduino'"),
    ],
)
def test_mistakes(capsys, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *words)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert out == ""
    assert list(tmp_path.iterdir()) == []


def test_options_as_people_type_them(capsys, small_artifact, tmp_path):
    target = ["-t", "qemu", "-o", tmp_path / "p"]
    for option, message in (
        ("board", "want NAME=VALUE"),
        ("stack_bytes=many", "want a number, got 'many'"),
        ("profile=perhaps", "want yes or no, got 'perhaps'"),
        ("no=1", "no option 'no'"),
    ):
        code, _, err = run(capsys, "project", "create", small_artifact, *target, "-O", option)
        assert code == 2
        assert message in err
    project = made(capsys, small_artifact, tmp_path / "p", "qemu", "board=qemu_m7", "profile=no")
    assert run(capsys, "project", "build", project, "-q")[0] == 0
    code, _, err = run(capsys, "project", "run", project, "--profile")
    assert code == 2
    assert "without profile hooks" in err


def test_a_project_that_does_not_fit_its_board(capsys, small_artifact, tmp_path):
    stack = 300 * 1024
    project = made(
        capsys, small_artifact, tmp_path / "p", "qemu", "board=qemu_m7", "as_board=nucleo_f746zg",
        f"stack_bytes={stack}",
    )  # fmt: skip
    code, _, err = run(capsys, "project", "build", project)
    assert code == 2
    assert "nucleo_f746zg: the firmware needs" in err
    code, _, err = run(capsys, "project", "run", project)
    assert code == 2
    assert "not built yet" in err


def test_zephyr_is_missed_with_a_way_out(capsys, small_artifact, tmp_path, monkeypatch):
    monkeypatch.delenv("ZEPHYR_BASE", raising=False)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    project = made(capsys, small_artifact, tmp_path / "p", "zephyr", "board=nucleo_f746zg")
    code, _, err = run(capsys, "project", "build", project)
    assert code == 2
    assert "Zephyr is not found" in err
    assert "getting_started" in err
    code, _, err = run(capsys, "project", "build", project, "-O", f"zephyr_base={tmp_path}")
    assert code == 2
    assert "is not Zephyr" in err


def test_the_firmware_of_another_model_is_noticed(capsys, small_artifact, streamed_artifact, tmp_path):
    import shutil

    one = made(capsys, small_artifact, tmp_path / "one", "host")
    other = made(capsys, streamed_artifact, tmp_path / "other", "host")
    for project in (one, other):
        assert run(capsys, "project", "build", project, "-q")[0] == 0
    shutil.copy(one / "build" / "firmware.elf", other / "build" / "firmware.elf")
    code, _, err = run(capsys, "project", "run", other)
    assert code == 1
    assert "of another artifact" in err


def test_a_session_over_a_project_survives_its_firmware_but_not_its_server(capsys, small_artifact, tmp_path):
    import os
    from pathlib import Path

    from microtvm_project.project.session import project_session
    from microtvm_project.project_api import ProjectAPIClient
    from tvm_patch import driver
    from tvm_patch.errors import BoardError

    project = made(capsys, small_artifact, tmp_path / "p", "host")
    assert run(capsys, "project", "build", project, "-q")[0] == 0
    (inputs,) = driver.random_inputs(driver.Artifact.load(project / "model"), 1, 0)

    def children(pid: int) -> list[int]:
        return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    with ProjectAPIClient(project) as client, project_session(client) as session:
        first = session.run(inputs).outputs[0]
        server = client._process.pid
        for child in children(server):
            os.kill(child, 9)
        np.testing.assert_array_equal(session.run(inputs).outputs[0], first)
        os.kill(server, 9)
        with pytest.raises(BoardError, match=r"host, model small: .*the server"):
            session.run(inputs)
