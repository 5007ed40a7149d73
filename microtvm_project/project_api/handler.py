"""What a Project API server does, as an interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from microtvm_project.project_api.options import ProjectOption


@dataclass(frozen=True)
class ServerInfo:
    """What a server says of itself.

    Attributes
    ----------
    platform_name : str
        Of the template.
    is_template : bool
        Whether it generates projects; otherwise it is one.
    model_library_format_path : str or None
        Of a project: its model.
    project_options : tuple of ProjectOption
        What its methods take.
    """

    platform_name: str
    is_template: bool
    model_library_format_path: str | None
    project_options: tuple[ProjectOption, ...]


@dataclass(frozen=True)
class TransportTimeouts:
    """How long to wait for the firmware, in seconds; 0 is for ever.

    Attributes
    ----------
    session_start_retry_timeout_sec : float
        Until the start of a session is asked for again.
    session_start_timeout_sec : float
        Until there must be a session.
    session_established_timeout_sec : float
        For an answer in it.
    """

    session_start_retry_timeout_sec: float
    session_start_timeout_sec: float
    session_established_timeout_sec: float


class ProjectAPIHandler(ABC):
    """The methods; whatever they raise becomes a JSON-RPC error."""

    @abstractmethod
    def server_info_query(self, tvm_version: str) -> ServerInfo:
        """Say what this is."""

    @abstractmethod
    def generate_project(
        self,
        model_library_format_path: Path,
        standalone_crt_dir: Path,
        project_dir: Path,
        options: Mapping[str, Any],
    ) -> None:
        """Make a project for an artifact (a folder or .tar) in a folder that does not exist yet.

        ``standalone_crt_dir`` was where microTVM had its C runtime; our artifacts bring what they need.
        """

    @abstractmethod
    def build(self, options: Mapping[str, Any]) -> None:
        """Build the project."""

    @abstractmethod
    def flash(self, options: Mapping[str, Any]) -> None:
        """Write what was built to the board."""

    @abstractmethod
    def open_transport(self, options: Mapping[str, Any]) -> TransportTimeouts:
        """Open the line to the firmware."""

    @abstractmethod
    def close_transport(self) -> None:
        """Close it; nothing happens if it is closed."""

    @abstractmethod
    def read_transport(self, n: int, timeout_sec: float | None) -> bytes:
        """Wait for bytes and return 1 to ``n`` of them.

        Raises
        ------
        IoTimeoutError
            None came in time.
        TransportClosedError
            It is closed.
        """

    @abstractmethod
    def write_transport(self, data: bytes, timeout_sec: float | None) -> None:
        """Send all bytes.

        Raises
        ------
        IoTimeoutError
            They could not be sent in time.
        TransportClosedError
            It is closed.
        """
