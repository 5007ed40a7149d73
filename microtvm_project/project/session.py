"""Sessions with the firmware of a project, through its Project API server."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from microtvm_project.artifact import CompiledModel, load_artifact
from microtvm_project.project.base import MODEL_FOLDER, read_project
from microtvm_project.project_api import IoTimeoutError, ProjectAPIClient, RpcError, TransportClosedError
from microtvm_project.session import Inference, Session, Timing
from microtvm_project.transports import LineClosedError, Transport
from tvm_patch.errors import BoardError, UserError


class ProjectTransport(Transport):
    """The line that a project's server opens.

    Parameters
    ----------
    client : ProjectAPIClient
        Of a project; closed with the transport.
    options : mapping
        For ``open_transport``.
    """

    def __init__(self, client: ProjectAPIClient, options: Mapping[str, Any]) -> None:
        self.client = client
        self.options = options

    def open(self) -> None:
        """See :meth:`Transport.open`."""
        with _as_transport():
            timeouts = self.client.open_transport(self.options)
        self.reply_seconds = timeouts.session_start_retry_timeout_sec

    def close(self) -> None:
        """See :meth:`Transport.close`; a server that has gone has closed it."""
        with suppress(RpcError):
            self.client.close_transport()

    def read(self, most: int, timeout: float) -> bytes:
        """See :meth:`Transport.read`."""
        with _as_transport():
            try:
                return self.client.read_transport(most, timeout)
            except IoTimeoutError:
                return b""

    def write(self, data: bytes, timeout: float) -> None:
        """See :meth:`Transport.write`."""
        with _as_transport():
            self.client.write_transport(data, timeout)


@contextmanager
def _as_transport() -> Iterator[None]:
    """Raise what the server says as a transport would."""
    try:
        yield
    except TransportClosedError as e:
        raise LineClosedError(str(e)) from e
    except RpcError as e:
        raise BoardError(str(e)) from e


def project_session(
    client: ProjectAPIClient, options: Mapping[str, Any] | None = None, timing: Timing | None = None
) -> Session:
    """Return a session with a host-driven project that is built, and flashed where it is flashed.

    Parameters
    ----------
    client : ProjectAPIClient
        Of the project; the caller closes it.
    options : mapping, optional
        For ``open_transport``.
    timing : Timing, optional
        How long to wait for what.

    Raises
    ------
    UserError
        It is no such project.
    """
    file = read_project(client.folder)
    if file.options.get("project_type", "host_driven") != "host_driven":
        raise UserError(
            f"{client.folder} runs on start and waits for no host; make it with project_type=host_driven"
        )
    artifact = load_artifact(client.folder / MODEL_FOLDER)
    board = str(file.options.get("board") or file.template)
    return Session(artifact, ProjectTransport(client, options or {}), board, timing)


_OUTPUT = re.compile(r"^output (\S+) (\S+) ([0-9a-f]*)$")
_TOOK = re.compile(r"^took (\d+) cycles at \d+ Hz$")
_STACK = re.compile(r"^model .* stack (\d+) bytes$")
_FAILED = re.compile(r"^failed with status (-?\d+)$")


def run_standalone(
    client: ProjectAPIClient, options: Mapping[str, Any] | None = None, seconds: float = 300.0
) -> Inference:
    """Start a standalone project's firmware and read what it prints.

    Raises
    ------
    BoardError
        It printed something else, or not in time.
    """
    artifact = load_artifact(client.folder / MODEL_FOLDER)
    transport = ProjectTransport(client, options or {})
    end = time.monotonic() + seconds
    text = ""
    transport.open()
    try:
        while "\ndone" not in text and not re.search(r"^failed with .*\n", text, re.MULTILINE):
            left = end - time.monotonic()
            if left <= 0:
                raise BoardError(
                    f"the firmware was not done within {seconds:g} s; it printed:\n{text[-500:]}"
                )
            text += transport.read(4096, min(left, 1.0)).decode("ascii", "replace").replace("\r", "")
    finally:
        transport.close()
    return _read_console(artifact, text)


def standalone_inputs(project: Path) -> list[np.ndarray]:
    """Return the inputs that a standalone project was made with.

    Raises
    ------
    UserError
        It has none.
    """
    try:
        with np.load(project / "inputs.npz", allow_pickle=False) as file:
            return [file[k] for k in file.files]
    except (OSError, ValueError) as e:
        raise UserError(f"{project}: cannot read inputs.npz: {e}") from e


def _read_console(artifact: CompiledModel, text: str) -> Inference:
    outputs: dict[str, bytes] = {}
    cost, stack = 0, None
    for line in text.splitlines():
        if match := _OUTPUT.match(line):
            outputs[match[1]] = bytes.fromhex(match[3])
        elif match := _TOOK.match(line):
            cost = int(match[1])
        elif match := _STACK.match(line):
            stack = int(match[1])
        elif match := _FAILED.match(line):
            raise BoardError(f"the model's run function returned an error ({match[1]})")
    arrays = []
    for tensor in artifact.metadata.outputs:
        data = outputs.get(tensor.name, b"")
        if len(data) != tensor.bytes:
            raise BoardError(
                f"the firmware printed {len(data)} bytes of output {tensor.name!r}, not {tensor.bytes}"
            )
        arrays.append(np.frombuffer(data, tensor.dtype).reshape(tensor.shape).copy())
    return Inference(arrays, cost, "cycles", 0, stack)
