"""``tvm_patch.Session``: firmware for an artifact, built, started, and driven from here."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from microtvm_project.boards import Board, check_stand_in, get_board
from microtvm_project.build import build_firmware
from microtvm_project.project import template_folder
from microtvm_project.project.session import project_session
from microtvm_project.project_api import OptionValue, ProjectAPIClient
from microtvm_project.runners import transport_to
from microtvm_project.runners.transport import Line
from microtvm_project.session import Session as BoardSession
from microtvm_project.session import Timing
from tvm_patch.codegen.artifact import write_files
from tvm_patch.driver.artifact import Artifact
from tvm_patch.errors import PatchError, UserError, name_folder


class Session(BoardSession):
    """A host-driven session with firmware that it builds; use it in a ``with`` statement.

    Parameters
    ----------
    board : str
        ``host``, an emulated board, or one that Zephyr knows, which is built, flashed and found by its USB number.
    artifact : Artifact or path
        A compiled model, or its folder.
    as_board : str, optional
        Board whose SRAM and flash sizes an emulated one gets.
    transport : {"pipe", "tcp"}
        How to talk to an emulated board.
    timing : Timing, optional
        How long to wait for what.
    options : mapping, optional
        For a Zephyr board: options of the template, as ``tvm-patch project options zephyr`` lists them.
    **build_options
        For the others: see :func:`microtvm_project.build_firmware`.

    Raises
    ------
    UserError
        There is no such board or artifact, a tool is missing, or it does not fit.
    BoardError
        On entry: it does not build, or does not answer.

    Examples
    --------
    >>> with tvm_patch.Session(board="qemu_m7", artifact=artifact) as session:  # doctest: +SKIP
    ...     result = session.run([image])
    """

    def __init__(
        self,
        board: str = "host",
        artifact: Artifact | Path | str | None = None,
        *,
        as_board: str | None = None,
        transport: Line = "pipe",
        timing: Timing | None = None,
        options: Mapping[str, OptionValue] | None = None,
        **build_options: Any,
    ) -> None:
        if artifact is None:
            raise UserError("a session needs an artifact: what tvm_patch.compile returns, or its folder")
        self._folder = tempfile.TemporaryDirectory(prefix="tvm-patch-")
        self._client: ProjectAPIClient | None = None
        try:
            loaded = artifact if isinstance(artifact, Artifact) else Artifact.load(artifact)
            saved = write_files(loaded.contents, Path(self._folder.name) / loaded.name)
            found = get_board(board)
            if found.runner == "zephyr":
                if as_board or build_options or transport != "pipe":
                    raise UserError(
                        f"{board} is built with Zephyr; give options= of its template, and nothing else"
                    )
                made = self._flash(saved, found, options or {})
                super().__init__(made.artifact, made.transport, board, timing)
                return
            if options:
                raise UserError(f"{board} is not built with Zephyr and takes no options=")
            stands_for = get_board(as_board) if as_board else None
            check_stand_in(found, stands_for)
            build = {"hooks": True, **build_options}
            out = Path(self._folder.name) / "firmware"
            try:
                firmware = build_firmware(saved, found, out, as_board=stands_for, **build)
            except PatchError as error:
                name_folder(error, saved, loaded.folder or Path(loaded.name))
                raise
            super().__init__(
                firmware.artifact, transport_to(firmware, firmware.elf, transport), board, timing
            )
        except BaseException:
            self._end()
            raise

    def _flash(self, artifact: Path, board: Board, options: Mapping[str, OptionValue]) -> BoardSession:
        project = Path(self._folder.name) / "project"
        with ProjectAPIClient(template_folder("zephyr")) as template:
            template.generate_project(artifact, project, {**options, "board": board.name})
        # The project keeps the options.
        self._client = ProjectAPIClient(project)
        self._client.build({})
        self._client.flash({})
        return project_session(self._client)

    def _end(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
        self._folder.cleanup()

    def __enter__(self) -> Session:
        try:
            super().__enter__()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._end()
