"""Projects whose firmware runs here: a child process, or QEMU."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, cast

from microtvm_project.artifact import CompiledModel, load_artifact
from microtvm_project.boards import BOARDS, Board, check_stand_in, get_board
from microtvm_project.build import STACK_BYTES, STACK_RANGE, Firmware, build_firmware, firmware_in
from microtvm_project.linker import TEMPLATES
from microtvm_project.project.base import (
    BUILD_FOLDER,
    PROFILE,
    VERBOSE,
    Options,
    TemplateHandler,
    copy_files,
    option,
)
from microtvm_project.project_api import ProjectOption
from microtvm_project.runners import transport_to
from microtvm_project.runners.transport import Line
from microtvm_project.transports import Transport
from tvm_patch.errors import UserError


class LocalHandler(TemplateHandler):
    """What host and QEMU have in common."""

    def board(self, options: Options) -> Board:
        """Return the board that an option names."""
        return get_board(str(option(options, "board")))

    def sizes_of(self, options: Options) -> Board | None:
        """Return the board whose memory sizes count."""
        return None

    def fill(self, project: Path, artifact: CompiledModel, options: Options) -> None:
        """Put the firmware's sources in; see :meth:`TemplateHandler.fill`."""
        board = self.board(options)
        check_stand_in(board, self.sizes_of(options))
        copy_files(TEMPLATES / "firmware", project / "firmware")
        copy_files(TEMPLATES / board.runner, project / board.runner, without=("microtvm_api_server.py",))
        (project / ".gitignore").write_text(f"/{BUILD_FOLDER}/\n", encoding="utf-8")

    def build_project(self, options: Options) -> None:
        """Compile and link; see :meth:`TemplateHandler.build_project`."""
        build_firmware(
            self.model,
            self.board(options),
            self.build_folder,
            as_board=self.sizes_of(options),
            hooks=bool(options["profile"]),
            stack_bytes=int(options.get("stack_bytes") or STACK_BYTES),
            sanitize=bool(options.get("sanitize")),
            templates=self.folder,
        )

    def firmware(self, options: Options) -> Firmware:
        """Return what was built.

        Raises
        ------
        UserError
            Nothing was.
        """
        found = firmware_in(
            self.build_folder,
            load_artifact(self.model),
            self.board(options),
            self.sizes_of(options),
            int(options.get("stack_bytes") or STACK_BYTES),
        )
        if found is None:
            raise UserError(f"{self.folder} is not built yet; tvm-patch project build {self.folder}")
        return found

    def transport(self, options: Options) -> Transport:
        """Run it and talk to it; see :meth:`TemplateHandler.transport`."""
        firmware = self.firmware(options)
        return transport_to(firmware, firmware.elf, cast(Line, options.get("transport") or "pipe"))


class HostHandler(LocalHandler):
    """A program for the machine at hand."""

    template: ClassVar[str] = "host"
    platform: ClassVar[str] = "host"
    options: ClassVar[tuple[ProjectOption, ...]] = (
        ProjectOption(
            "board",
            "str",
            "The board.",
            choices=("host",),
            default="host",
            optional=("generate_project",),
        ),
        PROFILE,
        ProjectOption(
            "sanitize",
            "bool",
            "Address and undefined-behaviour sanitizers.",
            default=False,
            optional=("generate_project", "build"),
        ),
        VERBOSE,
    )


class QemuHandler(LocalHandler):
    """Bare firmware for QEMU's Cortex-M4 and M7, which count instructions."""

    template: ClassVar[str] = "qemu"
    platform: ClassVar[str] = "qemu"
    options: ClassVar[tuple[ProjectOption, ...]] = (
        ProjectOption(
            "board",
            "str",
            "The emulated board.",
            choices=tuple(b.name for b in BOARDS.values() if b.runner == "qemu"),
            required=("generate_project",),
        ),
        ProjectOption(
            "as_board",
            "str",
            "Board that it stands for: its SRAM and flash sizes hold.",
            choices=tuple(b.name for b in BOARDS.values() if b.runner == "zephyr" and b.qemu_machine is None),
            optional=("generate_project",),
        ),
        PROFILE,
        ProjectOption(
            "stack_bytes",
            "int",
            "Reserved for the model's stack.",
            default=STACK_BYTES,
            optional=("generate_project", "build"),
            between=STACK_RANGE,
        ),
        ProjectOption(
            "transport",
            "str",
            "How to talk to it: named pipes, or TCP to the emulated serial port.",
            choices=("pipe", "tcp"),
            default="pipe",
            optional=("generate_project", "open_transport"),
        ),
        VERBOSE,
    )

    def sizes_of(self, options: Options) -> Board | None:
        """See :meth:`LocalHandler.sizes_of`."""
        name = options["as_board"]
        return None if name is None else get_board(str(name))
