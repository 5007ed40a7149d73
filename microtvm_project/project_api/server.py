"""A JSON-RPC 2.0 server over two files: one request a line, one reply a line."""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from microtvm_project.project_api.errors import ErrorCode, RpcError, ServerError
from microtvm_project.project_api.handler import ProjectAPIHandler
from tvm_patch import errors
from tvm_patch.errors import PatchError

PROTOCOL_VERSION = 1
"""Of the Project API."""

MOST_LINE_BYTES = 64 << 20
"""Of a request; longer ones are refused."""

_NUMBER = (int, float)
_PARAMETERS: dict[str, dict[str, tuple[type, ...]]] = {
    "server_info_query": {"tvm_version": (str,)},
    "generate_project": {
        "model_library_format_path": (str,),
        "standalone_crt_dir": (str,),
        "project_dir": (str,),
        "options": (dict,),
    },
    "build": {"options": (dict,)},
    "flash": {"options": (dict,)},
    "open_transport": {"options": (dict,)},
    "close_transport": {},
    "read_transport": {"n": (int,), "timeout_sec": (*_NUMBER, type(None))},
    "write_transport": {"data": (str,), "timeout_sec": (*_NUMBER, type(None))},
}


class ProjectAPIServer:
    """Serves one handler.

    Parameters
    ----------
    source, sink : binary file
        Requests and replies.
    handler : ProjectAPIHandler
        Does the work.
    """

    def __init__(self, source: BinaryIO, sink: BinaryIO, handler: ProjectAPIHandler) -> None:
        self.source = source
        self.sink = sink
        self.handler = handler

    def serve_forever(self) -> None:
        """Serve until there are no more requests."""
        try:
            while self.serve_one_request():
                pass
        finally:
            self.handler.close_transport()

    def serve_one_request(self) -> bool:
        """Serve a request; returns False when there are no more."""
        line = self.source.readline(MOST_LINE_BYTES + 1)
        if not line:
            return False
        number = None
        try:
            if len(line) > MOST_LINE_BYTES:
                raise RpcError(ErrorCode.INVALID_REQUEST, f"a request of more than {MOST_LINE_BYTES} bytes")
            request = _parse(line)
            # Only a number that is one goes back; anything else is answered with null.
            known = request.get("id")
            number = known if isinstance(known, str | int) and not isinstance(known, bool) else None
            method, params = _check(request)
            reply = {"result": self._call(method, params)}
        except RpcError as e:
            reply = {"error": e.to_json()}
        except PatchError as e:
            data = {"kind": _public_kind(e)}
            reply = {"error": ServerError(str(e), data).to_json()}
        except OSError as e:  # of files that the request names
            reply = {"error": ServerError(str(e), {"kind": "UserError"}).to_json()}
        except Exception as e:  # a fault of ours must not end the server without a word
            data = {"traceback": traceback.format_exc()}
            error = RpcError(ErrorCode.INTERNAL_ERROR, f"{type(e).__name__}: {e}", data)
            reply = {"error": error.to_json()}
        self.sink.write(json.dumps({"jsonrpc": "2.0", "id": number, **reply}).encode() + b"\n")
        self.sink.flush()
        return len(line) <= MOST_LINE_BYTES

    def _call(self, method: str, params: Mapping[str, Any]) -> Any:
        calls: dict[str, Callable[[], Any]] = {
            "server_info_query": lambda: self._info(params["tvm_version"]),
            "generate_project": lambda: self.handler.generate_project(
                Path(params["model_library_format_path"]),
                Path(params["standalone_crt_dir"]),
                Path(params["project_dir"]),
                params["options"],
            ),
            "build": lambda: self.handler.build(params["options"]),
            "flash": lambda: self.handler.flash(params["options"]),
            "open_transport": lambda: {"timeouts": asdict(self.handler.open_transport(params["options"]))},
            "close_transport": self.handler.close_transport,
            "read_transport": lambda: self._read(params["n"], params["timeout_sec"]),
            "write_transport": lambda: self._write(params["data"], params["timeout_sec"]),
        }
        return calls[method]()

    def _info(self, tvm_version: str) -> dict[str, Any]:
        info = self.handler.server_info_query(tvm_version)
        return {
            "protocol_version": PROTOCOL_VERSION,
            "platform_name": info.platform_name,
            "is_template": info.is_template,
            "model_library_format_path": info.model_library_format_path,
            "project_options": [o.to_json() for o in info.project_options],
        }

    def _read(self, n: int, timeout: float | None) -> dict[str, str]:
        if n < 1:
            raise RpcError(ErrorCode.INVALID_PARAMS, f"read_transport: cannot read {n} bytes")
        return {"data": base64.b85encode(self.handler.read_transport(n, timeout)).decode()}

    def _write(self, data: str, timeout: float | None) -> None:
        try:
            raw = base64.b85decode(data)
        except ValueError as e:
            raise RpcError(ErrorCode.INVALID_PARAMS, f"write_transport: data is not base85: {e}") from e
        self.handler.write_transport(raw, timeout)


def _public_kind(error: PatchError) -> str:
    """Return the nearest class that clients know too."""
    return next(c.__name__ for c in type(error).__mro__ if hasattr(errors, c.__name__))


def _parse(line: bytes) -> dict[str, Any]:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as e:
        raise RpcError(ErrorCode.PARSE_ERROR, f"the request is not JSON: {e}") from e
    if not isinstance(request, dict):
        raise RpcError(ErrorCode.INVALID_REQUEST, f"want an object, got {type(request).__name__}")
    return request


def _check(request: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return method and parameters of a request, or raise what is wrong with it."""
    if request.get("jsonrpc") != "2.0":
        raise RpcError(ErrorCode.INVALID_REQUEST, f"jsonrpc: want '2.0', got {request.get('jsonrpc')!r}")
    method = request.get("method")
    if not isinstance(method, str):
        raise RpcError(ErrorCode.INVALID_REQUEST, f"method: want a string, got {method!r}")
    number = request.get("id")
    if not isinstance(number, str | int | None) or isinstance(number, bool):
        raise RpcError(ErrorCode.INVALID_REQUEST, f"id: want a string, a number or null, got {number!r}")
    if method not in _PARAMETERS:
        raise RpcError(ErrorCode.METHOD_NOT_FOUND, f"there is no method {method!r}")
    params = request.get("params", {})
    if not isinstance(params, dict):
        raise RpcError(ErrorCode.INVALID_PARAMS, f"params: want an object, got {type(params).__name__}")
    wanted = _PARAMETERS[method]
    for name, types in wanted.items():
        if name not in params:
            raise RpcError(ErrorCode.INVALID_PARAMS, f"{method}: parameter {name} is missing")
        value = params[name]
        if not isinstance(value, types) or isinstance(value, bool):
            names = " or ".join("null" if t is type(None) else t.__name__ for t in types)
            raise RpcError(ErrorCode.INVALID_PARAMS, f"{method}: {name}: want {names}, got {value!r}")
    for name, value in _texts(params):
        if "\0" in value or not _is_unicode(value):
            raise RpcError(
                ErrorCode.INVALID_PARAMS, f"{method}: {name}: {value!r} is no text that a path can have"
            )
    extra = sorted(set(params) - set(wanted))
    if extra:
        raise RpcError(ErrorCode.INVALID_PARAMS, f"{method}: unknown parameters {', '.join(extra)}")
    return method, params


def _texts(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the strings among parameters and options."""
    for name, value in params.items():
        if isinstance(value, str):
            yield name, value
        elif isinstance(value, dict):
            yield from _texts(value)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a pair, as JSON can have it
        return False
    return True


def main(handler: ProjectAPIHandler, arguments: Sequence[str] | None = None) -> None:
    """Serve a handler over the files that the command line names, or over standard input and output.

    Parameters
    ----------
    handler : ProjectAPIHandler
        Does the work.
    arguments : sequence of str, optional
        ``sys.argv`` otherwise.
    """
    parser = argparse.ArgumentParser(description="A Project API server: JSON-RPC 2.0, one request a line.")
    parser.add_argument("--read-fd", type=int, help="Descriptor of the requests; standard input otherwise.")
    parser.add_argument("--write-fd", type=int, help="Descriptor of the replies; standard output otherwise.")
    given = parser.parse_args(arguments)
    if given.write_fd is None:
        # Whatever prints must not get among the replies.
        sink: BinaryIO = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
    else:
        sink = os.fdopen(given.write_fd, "wb")
    source: BinaryIO = sys.stdin.buffer if given.read_fd is None else os.fdopen(given.read_fd, "rb")
    ProjectAPIServer(source, sink, handler).serve_forever()
