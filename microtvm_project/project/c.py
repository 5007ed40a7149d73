"""Projects that are no firmware: the model's C with a CMake target and a Makefile, for somebody's own."""

from __future__ import annotations

import os
from pathlib import Path
from string import Template
from typing import Any, ClassVar

from microtvm_project.artifact import CompiledModel
from microtvm_project.boards import BOARDS, get_board
from microtvm_project.linker import TEMPLATES
from microtvm_project.project.base import (
    BUILD_FOLDER,
    MODEL_FOLDER,
    VERBOSE,
    Options,
    TemplateHandler,
    option,
)
from microtvm_project.project_api import ProjectOption
from microtvm_project.tools import find_tool, last_lines, run_limited
from microtvm_project.transports import Transport
from tvm_patch.errors import BoardError, UserError

BUILD_SECONDS = 900.0

_FOLDER = TEMPLATES / "c"


class CHandler(TemplateHandler):
    """A folder that STM32CubeIDE, CMake and Make projects can include as it is."""

    template: ClassVar[str] = "c"
    platform: ClassVar[str] = "c"
    options: ClassVar[tuple[ProjectOption, ...]] = (
        ProjectOption(
            "board",
            "str",
            "For build: the board whose core the library is compiled for.",
            choices=tuple(b.name for b in BOARDS.values() if b.runner in ("zephyr", "host")),
            default="host",
            optional=("generate_project", "build"),
        ),
        VERBOSE,
    )

    def fill(self, project: Path, artifact: CompiledModel, options: Options) -> None:
        """Write build files and an example; see :meth:`TemplateHandler.fill`."""

        def listed(paths: tuple[Path, ...], before: str) -> str:
            return " ".join(f"{before}{MODEL_FOLDER}/{p.relative_to(artifact.path)}" for p in paths)

        upper = artifact.metadata.model_name.upper()
        names = {
            "name": artifact.metadata.model_name,
            "upper": upper,
            "sources": listed(artifact.sources, ""),
            "includes": listed(artifact.include_dirs, ""),
            "mk_sources": listed(artifact.sources, f"$(TVM_PATCH_{artifact.metadata.model_name}_DIR)/"),
            "mk_includes": listed(
                artifact.include_dirs, f"-I$(TVM_PATCH_{artifact.metadata.model_name}_DIR)/"
            ),
            "example": _row_source(artifact),
            "source_count": max(1, len(artifact.fetched)),
            "sources_setup": _sources_setup(artifact),
            "made_for": artifact.metadata.board,
        }
        for source, target in (
            ("CMakeLists.txt.in", "CMakeLists.txt"),
            ("Makefile.in", "Makefile"),
            ("model.mk.in", "model.mk"),
            ("README.md.in", "README.md"),
            ("example.c.in", "example/main.c"),
        ):
            text = (_FOLDER / source).read_text(encoding="utf-8")
            (project / target).parent.mkdir(exist_ok=True)
            (project / target).write_text(_Template(text).substitute(names), encoding="utf-8")
        (project / ".gitignore").write_text(f"/{BUILD_FOLDER}/\n", encoding="utf-8")

    def build_project(self, options: Options) -> None:
        """Make the library, and on the host the example; see :meth:`TemplateHandler.build_project`."""
        board = get_board(str(option(options, "board")))
        compiler = "gcc" if board.runner == "host" else "arm-none-eabi-gcc"
        archiver = find_tool("ar" if board.runner == "host" else "arm-none-eabi-ar")
        self.build_folder.mkdir(exist_ok=True)
        goals = ["all", "example"] if board.runner == "host" else ["all"]
        command = [find_tool("make"), "-C", str(self.folder), f"-j{os.cpu_count() or 1}", *goals]
        command += [f"CC={find_tool(compiler)}", f"AR={archiver}", f"ARCH={' '.join(board.core_flags)}"]
        done = run_limited(command, self.build_folder, BUILD_SECONDS)
        if options["verbose"]:
            print(done.output, flush=True)
        if done.status != 0:
            raise BoardError(f"make failed with status {done.status}:\n{last_lines(done.output)}")

    def transport(self, options: Options) -> Transport:
        """There is none.

        Raises
        ------
        UserError
            Always.
        """
        raise UserError(
            f"{self.folder} is a C library, not firmware that can be run; "
            "include it in yours, or make a project of template zephyr, qemu or host"
        )


class _Template(Template):
    """Substitutes ``@name@``: CMake and Make have dollar signs of their own."""

    delimiter = "@"
    pattern: ClassVar[Any] = r"@(?:(?P<escaped>@)|(?P<named>[a-z_]+)@|(?P<braced>(?!))|(?P<invalid>(?!)))"


def _row_source(artifact: CompiledModel) -> str:
    """Return the example's row sources, if there are fetched inputs."""
    return "".join(
        f"/* Rows of {t.name} are asked for while the inference runs; here they are empty. */\n"
        f"static int read_row_{i}(void *ctx, uint32_t row, int8_t *dst) {{\n"
        f"  (void)ctx;\n  (void)row;\n  memset(dst, 0, {t.bytes // t.shape[1]});\n  return 0;\n}}\n\n"
        for i, t in enumerate(artifact.fetched)
    )


def _sources_setup(artifact: CompiledModel) -> str:
    return "".join(f"  sources[{i}].read = read_row_{i};\n" for i in range(len(artifact.fetched)))
