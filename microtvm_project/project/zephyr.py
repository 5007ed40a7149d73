"""Projects for Zephyr: an application, with the model in it as a Zephyr module."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import ClassVar

import numpy as np

from microtvm_project.artifact import CompiledModel
from microtvm_project.boards import BOARDS, Board, get_board
from microtvm_project.build import STACK_RANGE, FirmwareOverflowError
from microtvm_project.config import write_config
from microtvm_project.linker import TEMPLATES, overflows
from microtvm_project.project.base import (
    BUILD_FOLDER,
    MODEL_FOLDER,
    PROFILE,
    VERBOSE,
    Options,
    TemplateHandler,
    copy_files,
    option,
)
from microtvm_project.project.inputs_c import inputs_c, load_input_set
from microtvm_project.project_api import ProjectOption
from microtvm_project.tools import find_tool, last_lines, run_limited
from microtvm_project.transports import SerialTransport, TcpChildTransport, Transport
from microtvm_project.transports.serial_port import find_port
from microtvm_project.zephyr import find_zephyr
from tvm_patch.errors import BoardError, UserError

BUILD_SECONDS = 3600.0
FLASH_SECONDS = 300.0

MESSAGE_BYTES = 1024
"""Most bytes of a message's body; the firmware has memory for two."""

MODEL_STACK_BYTES = 4096

_FOLDER = TEMPLATES / "zephyr"
_OURS = ("microtvm_api_server.py", "host_driven.conf", "standalone.conf", "prj.conf")


class ZephyrHandler(TemplateHandler):
    """A Zephyr application for STM32 boards and for Zephyr's emulated ones."""

    template: ClassVar[str] = "zephyr"
    platform: ClassVar[str] = "zephyr"
    options: ClassVar[tuple[ProjectOption, ...]] = (
        ProjectOption(
            "board",
            "str",
            "The board.",
            choices=tuple(b.name for b in BOARDS.values() if b.runner == "zephyr"),
            required=("generate_project",),
        ),
        ProjectOption(
            "project_type",
            "str",
            "host_driven waits for a host; standalone runs on start and prints.",
            choices=("host_driven", "standalone"),
            default="host_driven",
            optional=("generate_project",),
        ),
        ProjectOption(
            "input",
            "str",
            "For standalone: the input set, .npy or .npz (arrays in the model's order); random otherwise.",
            optional=("generate_project",),
        ),
        PROFILE,
        ProjectOption(
            "stack_bytes",
            "int",
            "Stack of the model and the loop around it.",
            default=MODEL_STACK_BYTES,
            optional=("generate_project",),
            between=STACK_RANGE,
        ),
        ProjectOption(
            "zephyr_base",
            "str",
            "Zephyr's folder; ZEPHYR_BASE, or the west workspace around here, otherwise.",
            optional=("build", "flash"),
        ),
        ProjectOption(
            "zephyr_board", "str", "Zephyr's name of the board, where it has another.", optional=("build",)
        ),
        ProjectOption(
            "runner", "str", "Of west flash: openocd, pyocd, stm32cubeprogrammer.", optional=("flash",)
        ),
        ProjectOption(
            "port", "str", "Serial port; found by its USB vendor otherwise.", optional=("open_transport",)
        ),
        ProjectOption(
            "serial", "str", "Serial number of the ST-LINK.", optional=("flash", "open_transport")
        ),
        ProjectOption(
            "baud", "int", "Bits per second.", default=921600, optional=("open_transport",), between=(50, 10**8)
        ),
        VERBOSE,
    )  # fmt: skip

    def board(self, options: Options) -> Board:
        """Return the board that the project is for."""
        return get_board(str(option(options, "board")))

    def fill(self, project: Path, artifact: CompiledModel, options: Options) -> None:
        """Put application and module together; see :meth:`TemplateHandler.fill`."""
        kind = str(option(options, "project_type"))
        copy_files(_FOLDER, project, without=_OURS)
        copy_files(_FOLDER / "boards", project / "boards")
        copy_files(_FOLDER / "src", project / "src")
        copy_files(TEMPLATES / "firmware", project / "src", "*.[ch]", without=("main.c",))
        write_config(project / "src", artifact, bool(options["profile"]), MESSAGE_BYTES)
        if kind == "standalone":
            given = options["input"]
            inputs = load_input_set(artifact, None if given is None else Path(str(given)))
            np.savez(project / "inputs.npz", *inputs)
            (project / "src" / "standalone_inputs.c").write_text(inputs_c(inputs), encoding="utf-8")
        config = [
            (_FOLDER / "prj.conf").read_text(encoding="utf-8"),
            (_FOLDER / f"{kind}.conf").read_text(encoding="utf-8"),
            f"CONFIG_TVM_PATCH_STACK_SIZE={option(options, 'stack_bytes')}\n",
        ]
        if options["profile"] and kind == "host_driven":
            config.append(f"CONFIG_TVM_PATCH_MODEL_{artifact.metadata.model_name.upper()}_PROFILE=y\n")
        (project / "prj.conf").write_text("\n".join(config), encoding="utf-8")
        (project / ".gitignore").write_text(f"/{BUILD_FOLDER}/\n", encoding="utf-8")
        write_module(project / MODEL_FOLDER, artifact)

    def build_project(self, options: Options) -> None:
        """Configure and build with CMake and Ninja; see :meth:`TemplateHandler.build_project`."""
        given = options["zephyr_base"]
        zephyr = find_zephyr(None if given is None else Path(str(given)))
        board = self.board(options)
        name = str(options["zephyr_board"] or zephyr.board_name(board))
        self.build_folder.mkdir(exist_ok=True)
        find_tool("ninja")
        cmake = [find_tool("cmake"), "-GNinja", f"-DBOARD={name}", "-S", str(self.folder)]
        environment = zephyr.environment()
        self._call([*cmake, "-B", str(self.build_folder)], environment, board, options)
        self._call([cmake[0], "--build", str(self.build_folder)], environment, board, options)

    def _call(self, command: list[str], environment: dict[str, str], board: Board, options: Options) -> None:
        done = run_limited(command, self.build_folder, BUILD_SECONDS, environment)
        if options["verbose"]:
            print(done.output, flush=True)
        if done.status == 0:
            return
        over = {"SRAM" if k == "RAM" else k: v for k, v in overflows(done.output).items()}
        if over and all(any(m.name == k for m in board.memories) for k in over):
            raise FirmwareOverflowError(board, over)
        telling = [line for line in done.output.splitlines() if "rror:" in line or "CMake Error" in line]
        why = "took too long" if done.timed_out else f"failed with status {done.status}"
        raise BoardError(
            f"{Path(command[0]).name} {why}; all of it is in {self.build_folder}/console.txt:\n"
            + ("\n".join(telling[:8]) or last_lines(done.output))
        )

    @property
    def elf(self) -> Path:
        """The linked firmware.

        Raises
        ------
        UserError
            There is none yet.
        """
        found = self.build_folder / "zephyr" / "zephyr.elf"
        if not found.exists():
            raise UserError(f"{self.folder} is not built yet; tvm-patch project build {self.folder}")
        return found

    def flash_project(self, options: Options) -> None:
        """Run ``west flash``; see :meth:`TemplateHandler.flash_project`."""
        board = self.board(options)
        if board.qemu_machine is not None:
            return  # QEMU takes the file when it starts
        _ = self.elf
        given = options["zephyr_base"]
        environment = find_zephyr(None if given is None else Path(str(given))).environment()
        command = [find_tool("west", environment["PATH"]), "flash", "-d", str(self.build_folder)]
        if options["runner"]:
            command += ["--runner", str(options["runner"])]
        if options["serial"]:
            command += ["--serial" if options["runner"] == "openocd" else "--dev-id", str(options["serial"])]
        done = run_limited(command, self.build_folder, FLASH_SECONDS, environment)
        if options["verbose"]:
            print(done.output, flush=True)
        if done.status != 0:
            raise BoardError(f"west flash failed with status {done.status}:\n{last_lines(done.output)}")

    def transport(self, options: Options) -> Transport:
        """Return the board's serial port, or QEMU's; see :meth:`TemplateHandler.transport`."""
        board = self.board(options)
        if board.qemu_machine is not None:
            elf = self.elf
            return TcpChildTransport(lambda port: zephyr_qemu(board, elf, port), _explain)
        port = options["port"]
        number = None if options["serial"] is None else str(options["serial"])
        name = str(port) if port is not None else find_port(serial_number=number)
        return SerialTransport(name, int(option(options, "baud")))


def zephyr_qemu(board: Board, elf: Path, port: int) -> list[str]:
    """Give QEMU's command line for Zephyr firmware whose serial port connects to a TCP port of ours."""
    assert board.qemu_machine is not None
    return [
        find_tool("qemu-system-arm"),
        *(
            "-M",
            board.qemu_machine,
            "-cpu",
            board.cpu,
            "-display",
            "none",
            "-monitor",
            "none",
            "-nic",
            "none",
        ),
        *("-chardev", f"socket,id=line,host=127.0.0.1,port={port},nodelay=on", "-serial", "chardev:line"),
        *("-kernel", str(elf)),
    ]


def write_module(model: Path, artifact: CompiledModel) -> None:
    """Make an artifact's folder a Zephyr module."""
    folder = model / "zephyr"
    folder.mkdir()
    here = "${CMAKE_CURRENT_LIST_DIR}/../"

    def relative(paths: tuple[Path, ...]) -> str:
        return " ".join(here + str(p.relative_to(artifact.path)) for p in paths)

    names = {
        "name": artifact.metadata.model_name,
        "upper": artifact.metadata.model_name.upper(),
        "arena_bytes": artifact.metadata.arena_bytes,
        "includes": relative(artifact.include_dirs),
        "sources": relative(artifact.sources),
    }
    copy_files(_FOLDER / "model_module", folder, "module.yml")
    for name in ("Kconfig", "CMakeLists.txt"):
        text = (_FOLDER / "model_module" / f"{name}.in").read_text(encoding="utf-8")
        # What CMake substitutes has capital letters; ours has small ones.
        (folder / name).write_text(Template(text).safe_substitute(names), encoding="utf-8")


def _explain(status: int, console: str) -> str:
    end = last_lines("\n".join(line for line in console.splitlines() if "has no peer" not in line))
    how = f"killed by signal {-status}" if status < 0 else f"QEMU ended with status {status}"
    return f"{how}; the console's last lines:\n{end}" if end else how
