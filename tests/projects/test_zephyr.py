"""Zephyr projects in a real tree: all five STM32 boards build, and the emulated ones compute what the reference does.

These run where ``ZEPHYR_BASE`` is set, with the environment that building Zephyr needs; CI has no Zephyr.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

import tvm_patch
from microtvm_project.boards import BOARDS, get_board
from microtvm_project.project import template_folder
from microtvm_project.project.sizes import project_sizes
from microtvm_project.project_api import ProjectAPIClient
from microtvm_project.zephyr import find_zephyr
from tests.conftest import SHARED
from tests.unit.cli.conftest import run_app
from tvm_patch import driver
from tvm_patch.errors import DoesNotFitError, UserError
from tvm_patch.planner.choose import Request
from tvm_patch.tflite.writer import write_model
from tvm_patch.zoo.registry import build

STM32 = [b.name for b in BOARDS.values() if b.runner == "zephyr" and b.qemu_machine is None]
EMULATED = [b.name for b in BOARDS.values() if b.runner == "zephyr" and b.qemu_machine is not None]
KINDS = ["host_driven", "standalone"]

needs_zephyr = pytest.mark.skipif(
    "ZEPHYR_BASE" not in os.environ, reason="ZEPHYR_BASE is not set: there is no Zephyr to build with"
)


def generate(artifact: Path, project: Path, **options) -> Path:
    with ProjectAPIClient(template_folder("zephyr")) as client:
        client.generate_project(artifact, project, options)
    return project


def build_project(project: Path) -> None:
    with ProjectAPIClient(project) as client:
        client.build({})
    assert "warning:" not in re.sub(r"\S+\.dts\S*: Warning", "", (project / "build/console.txt").read_text())


@pytest.fixture(scope="session")
def vww1(tmp_path_factory) -> tuple[Path, bytes]:
    """mcunet-vww1 under a plan: the real one where it is, the zoo's otherwise."""
    file = SHARED / "models" / "mcunet-vww1-tinyengine-80.tflite"
    data = file.read_bytes() if file.exists() else write_model(build("mcunet_vww1"))
    artifact = tvm_patch.compile(data, board="nucleo_f746zg", name="vww1", plan=Request(max_overhead=1.05))
    return artifact.save(tmp_path_factory.mktemp("vww1") / "vww1"), data


# ---- Without Zephyr ----


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_project_holds(small_artifact, tmp_path, kind):
    project = generate(small_artifact, tmp_path / "p", board="stm32f746g_disco", project_type=kind)
    for name in ("CMakeLists.txt", "Kconfig", "prj.conf", "boards/stm32f746g_disco.conf", "microtvm_api_server.py",
                 "model/zephyr/module.yml", "model/zephyr/CMakeLists.txt", "model/metadata.json",
                 "src/firmware_config.h"):  # fmt: skip
        assert (project / name).is_file(), name
    config = (project / "prj.conf").read_text()
    assert f"CONFIG_TVM_PATCH_{kind.upper()}=y" in config
    assert ("CONFIG_TVM_PATCH_MODEL_SMALL_PROFILE=y" in config) == (kind == "host_driven")
    assert (project / "src/standalone_inputs.c").exists() == (kind == "standalone")
    text = "".join(
        f.read_text() for f in project.rglob("*") if f.is_file() and f.suffix in (".txt", ".conf", ".yml")
    )
    assert "${name}" not in text
    assert str(tmp_path) not in text


def test_sources_compile_without_warnings_but_for_zephyrs_headers(small_artifact, tmp_path):
    """What is not Zephyr's in a project is what host and QEMU are made of."""
    project = generate(small_artifact, tmp_path / "p", board="nucleo_f412zg")
    command = [
        "arm-none-eabi-gcc",
        "-mcpu=cortex-m4",
        "-mthumb",
        "-std=c11",
        "-O2",
        "-Wall",
        "-Wextra",
        "-Werror",
    ]
    include = f"-I{project / 'model/codegen/host/include'}"
    for name in ("clock", "frame", "profile", "rows", "service"):
        source = project / "src" / f"{name}.c"
        subprocess.run([*command, include, "-c", source, "-o", tmp_path / f"{name}.o"], check=True)


def test_zephyr_is_found_where_it_is_said_to_be(tmp_path, monkeypatch):
    monkeypatch.setenv("ZEPHYR_BASE", str(tmp_path))
    with pytest.raises(UserError, match="is not Zephyr"):
        find_zephyr()
    (tmp_path / "VERSION").write_text("VERSION_MAJOR = 4\nVERSION_MINOR = 1\nPATCHLEVEL = 99\n")
    (tmp_path / "share/zephyr-package").mkdir(parents=True)
    assert find_zephyr().version == (4, 1)
    board = get_board("mps3_an547")
    with pytest.raises(UserError, match=r"Zephyr 4.1 .* has no board mps3_an547"):
        find_zephyr().board_name(board)
    for file, name in (
        ("boards/arm/mps3_an547/mps3_an547.dts", "mps3_an547"),
        ("boards/arm/mps3/mps3_an547.dts", "mps3/an547"),
        ("boards/arm/mps3/mps3_corstone300_an547.dts", "mps3/corstone300/an547"),
    ):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
        assert find_zephyr().board_name(board) == name
    assert find_zephyr().board_name(get_board("nucleo_f746zg")) == "nucleo_f746zg"


# ---- With Zephyr ----


@needs_zephyr
@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("board", STM32)
def test_stm32_boards_build(vww1, tmp_path, board, kind, record_property):
    project = generate(vww1[0], tmp_path / "p", board=board, project_type=kind)
    build_project(project)
    uses = {u.name: u for u in project_sizes(project)}
    limits = {m.name: m.length for m in get_board(board).memories}
    for name, length in limits.items():
        if name in uses:
            assert uses[name].length == length
            assert uses[name].used <= length
            print(f"{board} {kind} {name}: {uses[name].used:,} of {length:,} bytes, {uses[name].by_owner}")
    # To the byte what the linker says.
    text = (project / "build/console.txt").read_text()
    for region, used, unit in re.findall(r"^\s+(FLASH|RAM|DTCM):\s+(\d+) (B|KB)", text, re.MULTILINE):
        if unit == "B":
            assert uses["SRAM" if region == "RAM" else region].used == int(used)
    # The arena is in the memory that needs no cache, where there is one.
    where = "DTCM" if "DTCM" in limits else "SRAM"
    assert uses[where].by_owner["model"] >= driver.Artifact.load(vww1[0]).arena_bytes


@needs_zephyr
@pytest.mark.slow
@pytest.mark.parametrize("board", EMULATED)
def test_emulated_boards_compute_what_the_reference_does(
    vww1, small_artifact, small_model, tmp_path, board, capsys
):
    if board not in available():
        pytest.skip(f"this Zephyr has no {board}")
    artifact, data = vww1
    model = tmp_path / "vww1.tflite"
    model.write_bytes(data)
    if get_board(board).memory("FLASH").length < 1024 * 1024:
        artifact, model = small_artifact, small_model  # the other one's weights alone fill it
    for kind in KINDS:
        project = generate(artifact, tmp_path / kind, board=board, project_type=kind)
        build_project(project)
        extra = ["--profile"] if kind == "host_driven" else []
        assert run_app(["project", "run", str(project), "--check", str(model), "--json", "-", *extra]) == 0
        report = json.loads(capsys.readouterr().out)
        assert report["bit_exact"] is True
        assert report["unit"] == "cycles"
        assert 0 < report["stack_bytes"] < 4096


@needs_zephyr
@pytest.mark.slow
def test_rows_reset_and_many_runs(streamed_artifact, small_model, tmp_path):
    board = next(b for b in EMULATED if b in available())
    artifact = driver.Artifact.load(streamed_artifact)
    inputs = driver.random_inputs(artifact, 3, 0)
    with tvm_patch.Session(board=board, artifact=artifact) as session:
        outputs = [session.run(i).outputs for i in inputs]
        session.reset()
        again = session.run(inputs[0])
    assert driver.check(artifact, small_model.read_bytes(), inputs, outputs).bit_exact
    assert again.outputs[0].tobytes() == outputs[0][0].tobytes()
    assert again.rows_read == 9


@needs_zephyr
@pytest.mark.slow
def test_in3_fits_the_f412(tmp_path):
    """176x176 pixels in flash, read again as often as the plan likes, in 256 KiB of SRAM and 1 MiB of flash."""
    file = SHARED / "models" / "mcunet-in3-320kb1mb-176.tflite"
    if not file.exists():
        pytest.skip("needs ../shared/models")
    artifact = tvm_patch.compile(
        file,
        board="nucleo_f412zg",
        name="in3",
        plan=Request(input_mode="rereadable", max_overhead=1.2),
    ).save(tmp_path / "in3")
    project = generate(artifact, tmp_path / "p", board="nucleo_f412zg", project_type="standalone")
    build_project(project)
    uses = {u.name: u for u in project_sizes(project)}
    assert uses["FLASH"].by_owner["input"] >= 176 * 176 * 3
    print({n: (u.used, u.length, u.by_owner) for n, u in uses.items()})


@needs_zephyr
@pytest.mark.slow
def test_what_does_not_fit_is_said_by_how_much(tmp_path):
    model = write_model(build("mcunet_vww1", resolution=256))
    artifact = tvm_patch.compile(model, board="nucleo_f412zg", name="large").save(tmp_path / "large")
    project = generate(artifact, tmp_path / "p", board="nucleo_f412zg")
    with pytest.raises(
        (DoesNotFitError, UserError), match=r"nucleo_f412zg: the firmware needs .* bytes more SRAM"
    ):
        build_project(project)


def available() -> list[str]:
    zephyr = find_zephyr()
    found = []
    for name in EMULATED:
        try:
            zephyr.board_name(get_board(name))
        except UserError:
            continue
        found.append(name)
    return found


@needs_zephyr
@pytest.mark.slow
def test_the_model_as_a_module_of_somebody_elses_application(small_artifact, tmp_path):
    project = generate(small_artifact, tmp_path / "p", board="mps2_an500")
    board = find_zephyr().board_name(get_board(available()[0]))
    app = tmp_path / "app"
    app.mkdir()
    (app / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20.0)\n"
        "find_package(Zephyr REQUIRED HINTS $ENV{ZEPHYR_BASE})\nproject(app)\n"
        "target_sources(app PRIVATE main.c)\n"
    )
    (app / "prj.conf").write_text("CONFIG_COMPILER_WARNINGS_AS_ERRORS=y\n")
    (app / "main.c").write_text(
        "#include <tvmgen_small.h>\n"
        "static uint64_t arena[(TVMGEN_SMALL_ARENA_SIZE + 7) / 8];\n"
        "int main(void) { return (int)tvmgen_small_run_in(arena, 0, 0); }\n"
    )
    command = ["cmake", "-GNinja", f"-DBOARD={board}", f"-DEXTRA_ZEPHYR_MODULES={project / 'model'}"]
    environment = {**os.environ, **find_zephyr().environment()}
    for words in ([*command, "-S", app, "-B", app / "build"], ["cmake", "--build", app / "build"]):
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env=environment)
