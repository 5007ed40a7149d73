"""The client of a Project API server, which it runs as a child process."""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from microtvm_project.project_api.errors import ErrorCode, RpcError
from microtvm_project.project_api.handler import ServerInfo, TransportTimeouts
from microtvm_project.project_api.options import ProjectOption
from tvm_patch import errors
from tvm_patch.errors import UserError

SERVER_FILE = "microtvm_api_server.py"
"""In every template and every project."""


class ProjectAPIClient:
    """Speaks to the server of a template or a project.

    Parameters
    ----------
    folder : Path
        Which has a ``microtvm_api_server.py``.
    log : file, optional
        Gets what the server and the tools that it runs print; standard error otherwise.

    Raises
    ------
    UserError
        The folder has no server.
    """

    def __init__(self, folder: Path, log: IO[bytes] | None = None) -> None:
        server = folder / SERVER_FILE
        if not server.is_file():
            raise UserError(f"{folder} is not a project: it has no {SERVER_FILE}")
        self.folder = folder
        self._numbers = itertools.count(1)
        requests, self._sink = os.pipe()
        self._source, replies = os.pipe()
        guard = shutil.which("setpriv")
        command = [*([guard, "--pdeathsig", "TERM"] if guard else []), sys.executable, str(server)]
        self._process = subprocess.Popen(
            [*command, "--read-fd", str(requests), "--write-fd", str(replies)],
            pass_fds=(requests, replies),
            stdin=subprocess.DEVNULL,
            # Descriptor 2: whatever stands for sys.stderr need not have one.
            stdout=log or 2,
            stderr=log or 2,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )
        os.close(requests)
        os.close(replies)
        self._to, self._from = os.fdopen(self._sink, "wb"), os.fdopen(self._source, "rb")

    def __enter__(self) -> ProjectAPIClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the server, and with it what it has started."""
        for file in (self._to, self._from):
            try:
                file.close()
            except BrokenPipeError:
                continue  # it has ended by itself
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def call(self, method: str, params: Mapping[str, Any]) -> Any:
        """Send a request and return its result.

        Raises
        ------
        UserError
            What was asked cannot be done, and the user can change that.
        RpcError
            It failed otherwise, or the server has gone.
        """
        number = next(self._numbers)
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        try:
            self._to.write(json.dumps(request).encode() + b"\n")
            self._to.flush()
            line = self._from.readline()
            reply = json.loads(line) if line else None
        except (OSError, ValueError) as e:
            raise RpcError(ErrorCode.INTERNAL_ERROR, f"{method}: the server does not answer: {e}") from e
        if reply is None:
            status = self._process.wait()
            raise RpcError(ErrorCode.INTERNAL_ERROR, f"{method}: the server ended with status {status}")
        if not isinstance(reply, dict) or reply.get("id") != number:
            raise RpcError(ErrorCode.INTERNAL_ERROR, f"{method}: the server answered nonsense")
        if "error" in reply:
            failed = RpcError.from_json(reply["error"])
            kind = failed.data.get("kind") if isinstance(failed.data, dict) else None
            known = getattr(errors, str(kind), None)
            if isinstance(known, type) and issubclass(known, UserError):
                raise known(failed.message)
            raise failed
        return reply.get("result")

    def server_info_query(self, tvm_version: str) -> ServerInfo:
        """See :meth:`ProjectAPIHandler.server_info_query`."""
        info = self.call("server_info_query", {"tvm_version": tvm_version})
        options = tuple(ProjectOption.from_json(o) for o in info["project_options"])
        return ServerInfo(
            info["platform_name"], info["is_template"], info["model_library_format_path"], options
        )

    def generate_project(self, artifact: Path, project: Path, options: Mapping[str, Any]) -> None:
        """See :meth:`ProjectAPIHandler.generate_project`."""
        self.call(
            "generate_project",
            {
                "model_library_format_path": str(artifact.resolve()),
                "standalone_crt_dir": "",
                "project_dir": str(project.resolve()),
                "options": dict(options),
            },
        )

    def build(self, options: Mapping[str, Any]) -> None:
        """See :meth:`ProjectAPIHandler.build`."""
        self.call("build", {"options": dict(options)})

    def flash(self, options: Mapping[str, Any]) -> None:
        """See :meth:`ProjectAPIHandler.flash`."""
        self.call("flash", {"options": dict(options)})

    def open_transport(self, options: Mapping[str, Any]) -> TransportTimeouts:
        """See :meth:`ProjectAPIHandler.open_transport`."""
        return TransportTimeouts(**self.call("open_transport", {"options": dict(options)})["timeouts"])

    def close_transport(self) -> None:
        """See :meth:`ProjectAPIHandler.close_transport`."""
        self.call("close_transport", {})

    def read_transport(self, n: int, timeout_sec: float | None) -> bytes:
        """See :meth:`ProjectAPIHandler.read_transport`."""
        reply = self.call("read_transport", {"n": n, "timeout_sec": timeout_sec})
        return base64.b85decode(reply["data"])

    def write_transport(self, data: bytes, timeout_sec: float | None) -> None:
        """See :meth:`ProjectAPIHandler.write_transport`."""
        text = base64.b85encode(data).decode()
        self.call("write_transport", {"data": text, "timeout_sec": timeout_sec})
