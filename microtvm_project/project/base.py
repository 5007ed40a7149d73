"""What all templates have in common: making a project whole or not at all, and a line to its firmware."""

from __future__ import annotations

import os
import shutil
import tempfile
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from microtvm_project.artifact import CompiledModel
from microtvm_project.project_api import (
    IoTimeoutError,
    OptionValue,
    ProjectAPIHandler,
    ProjectOption,
    ServerInfo,
    TransportClosedError,
    TransportTimeouts,
    check_options,
)
from microtvm_project.project_api.client import SERVER_FILE
from microtvm_project.transports import LineClosedError, Transport
from tvm_patch.artifact_files import METADATA, read_artifact_files, read_metadata
from tvm_patch.errors import BoardError, InternalError, UserError

PROJECT_FILE = "project.json"
MODEL_FOLDER = "model"
BUILD_FOLDER = "build"

Options = Mapping[str, OptionValue | None]

VERBOSE = ProjectOption(
    "verbose", "bool", "Print what the tools print.", default=False, optional=("build", "flash")
)
PROFILE = ProjectOption(
    "profile",
    "bool",
    "Profile hooks after every operator, for profiles; they cost a little.",
    default=True,
    optional=("generate_project",),
)


class ProjectFile(BaseModel):
    """What ``project.json`` says.

    Attributes
    ----------
    format_version : int
        1.
    template : str
        Whose project it is.
    model_name : str
        Of the artifact in ``model/``.
    options : dict
        As given when the project was generated, and the defaults of those that were not.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    format_version: int = 1
    template: str
    model_name: str
    options: dict[str, str | int | bool | None]


def read_project(folder: Path) -> ProjectFile:
    """Read a project's file.

    Raises
    ------
    UserError
        It is not a project, or its file is malformed.
    """
    file = folder / PROJECT_FILE
    try:
        project = ProjectFile.model_validate_json(file.read_bytes())
    except OSError as e:
        raise UserError(f"{folder} is not a project: cannot read {PROJECT_FILE} ({e.strerror})") from e
    except ValidationError as e:
        first = e.errors()[0]
        where = ".".join(str(p) for p in first["loc"])
        raise UserError(f"{file}: {where}: {first['msg']}") from e
    if project.format_version != 1:
        raise UserError(f"{file}: format_version {project.format_version}; this program reads 1")
    return project


class TemplateHandler(ProjectAPIHandler):
    """A template, or a project made from it.

    Parameters
    ----------
    folder : Path
        Where the server's file lies.
    """

    template: ClassVar[str]
    platform: ClassVar[str]
    options: ClassVar[tuple[ProjectOption, ...]]

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._transport: Transport | None = None

    @property
    def is_template(self) -> bool:
        """Whether there is no project here."""
        return not (self.folder / PROJECT_FILE).exists()

    @property
    def model(self) -> Path:
        """The project's artifact."""
        return self.folder / MODEL_FOLDER

    @property
    def build_folder(self) -> Path:
        """Where the project is built."""
        return self.folder / BUILD_FOLDER

    # ---- What a template has to say ----

    @abstractmethod
    def fill(self, project: Path, artifact: CompiledModel, options: Options) -> None:
        """Put the template's files into a new project, whose model is there already."""

    @abstractmethod
    def build_project(self, options: Options) -> None:
        """Build it."""

    @abstractmethod
    def transport(self, options: Options) -> Transport:
        """Return the line to the firmware, not yet open."""

    def flash_project(self, options: Options) -> None:
        """Write it to the board; most have nothing to write."""

    # ---- Project API ----

    def server_info_query(self, tvm_version: str) -> ServerInfo:
        """See :meth:`ProjectAPIHandler.server_info_query`; every version of TVM will do."""
        model = None if self.is_template else str(self.model)
        return ServerInfo(self.platform, self.is_template, model, self.options)

    def generate_project(
        self,
        model_library_format_path: Path,
        standalone_crt_dir: Path,
        project_dir: Path,
        options: Mapping[str, Any],
    ) -> None:
        """See :meth:`ProjectAPIHandler.generate_project`.

        Raises
        ------
        UserError
            The artifact or an option will not do, or the folder exists.
        """
        if not self.is_template:
            raise UserError(f"{self.folder} is a project; generate projects from a template")
        filled = check_options(self.options, options, "generate_project")
        source = model_library_format_path
        files = read_artifact_files(source)
        metadata = read_metadata(source, files[METADATA], files)
        if source.is_dir() and project_dir.resolve().is_relative_to(source.resolve()):
            raise UserError(f"{project_dir} lies in the artifact {source}; give another folder")
        if project_dir.exists() and (not project_dir.is_dir() or any(project_dir.iterdir())):
            raise UserError(f"{project_dir} exists; give another folder, or remove it")
        try:
            project_dir.parent.mkdir(parents=True, exist_ok=True)
            scratch = Path(tempfile.mkdtemp(prefix=f".{project_dir.name}-", dir=project_dir.parent))
        except OSError as e:
            raise UserError(f"{project_dir.parent}: cannot be written ({e.strerror})") from e
        try:
            for name, data in files.items():
                target = scratch / MODEL_FOLDER / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
            artifact = CompiledModel(scratch / MODEL_FOLDER, metadata)
            shutil.copy(self.folder / SERVER_FILE, scratch)
            self.fill(scratch, artifact, filled)
            file = ProjectFile(
                template=self.template, model_name=artifact.metadata.model_name, options=dict(filled)
            )
            (scratch / PROJECT_FILE).write_text(file.model_dump_json(indent=2) + "\n", encoding="utf-8")
            scratch.chmod(0o755)
            # Renaming over an empty folder replaces it.
            os.replace(scratch, project_dir)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def build(self, options: Mapping[str, Any]) -> None:
        """See :meth:`ProjectAPIHandler.build`."""
        self.build_project(self.settings(options, "build"))

    def flash(self, options: Mapping[str, Any]) -> None:
        """See :meth:`ProjectAPIHandler.flash`."""
        self.flash_project(self.settings(options, "flash"))

    def settings(self, given: Mapping[str, Any], method: Any) -> Options:
        """Return the project's options with those over them that a method is given.

        Raises
        ------
        UserError
            There is no project here, or an option will not do.
        """
        if self.is_template:
            raise UserError(f"{self.folder} is a template; generate a project first")
        kept = {k: v for k, v in read_project(self.folder).options.items() if v is not None}
        return check_options(self.options, {**kept, **given}, method)

    def open_transport(self, options: Mapping[str, Any]) -> TransportTimeouts:
        """See :meth:`ProjectAPIHandler.open_transport`."""
        self.close_transport()
        transport = self.transport(self.settings(options, "open_transport"))
        transport.open()
        self._transport = transport
        return TransportTimeouts(transport.reply_seconds, 10 * transport.reply_seconds, 0)

    def close_transport(self) -> None:
        """See :meth:`ProjectAPIHandler.close_transport`."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()

    def _open(self) -> Transport:
        if self._transport is None:
            raise TransportClosedError({"reason": "the transport is not open"})
        return self._transport

    def read_transport(self, n: int, timeout_sec: float | None) -> bytes:
        """See :meth:`ProjectAPIHandler.read_transport`."""
        transport = self._open()
        try:
            while True:
                data = transport.read(n, 3600.0 if timeout_sec is None else timeout_sec)
                if data:
                    return data
                if timeout_sec is not None:
                    raise IoTimeoutError
        except LineClosedError as e:
            raise TransportClosedError({"reason": str(e)}) from e

    def write_transport(self, data: bytes, timeout_sec: float | None) -> None:
        """See :meth:`ProjectAPIHandler.write_transport`."""
        transport = self._open()
        try:
            transport.write(data, 3600.0 if timeout_sec is None else timeout_sec)
        except LineClosedError as e:
            raise TransportClosedError({"reason": str(e)}) from e
        except BoardError as e:
            raise IoTimeoutError({"reason": str(e)}) from e


def option(options: Options, name: str) -> OptionValue:
    """Return an option that has a value.

    Raises
    ------
    InternalError
        It has none.
    """
    value = options[name]
    if value is None:
        raise InternalError(f"option {name} has no value")
    return value


def copy_files(folder: Path, target: Path, pattern: str = "*", without: tuple[str, ...] = ()) -> None:
    """Copy a folder's files of a pattern, not what is below it."""
    target.mkdir(parents=True, exist_ok=True)
    for file in sorted(folder.glob(pattern)):
        if file.is_file() and file.name not in without:
            shutil.copy(file, target)
