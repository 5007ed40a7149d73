"""The other side: a process of TVM's RPC that measures batches on a board that is plugged in here."""

from __future__ import annotations

import json
import re
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from microtvm_project.boards import get_board
from microtvm_project.project_api import OptionValue
from microtvm_project.transports import LineClosedError
from tvm_patch.driver.session import Session
from tvm_patch.errors import DoesNotFitError, PatchError, ToolMissingError, UserError
from tvm_patch.tuning.batch import BUILD_OPTIONS
from tvm_patch.tuning.remote import FUNCTION, Tracker

_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""What batches are called: nothing that leads out of the folder of uploads."""


def measure(board: str, options: Mapping[str, OptionValue], request: str) -> str:
    """Measure a batch that was uploaded.

    Parameters
    ----------
    board : str
        What is plugged in here.
    options : mapping
        Of the Zephyr template, for a real board.
    request : str
        JSON: ``board`` and ``name``; ``NAME.tar`` is the artifact and ``NAME.npz`` its inputs.

    Returns
    -------
    str
        JSON: ``costs`` and ``unit``, with the outputs in ``NAME.out.npz``; or ``error`` where a candidate is to
        blame, and ``lost`` where the board is.
    """
    wanted = _parsed(request)
    if wanted is None:
        return json.dumps({"lost": "the request is no object with a board and the plain name of a file"})
    if wanted["board"] != board:
        return json.dumps({"lost": f"a {board} is plugged in here, not a {wanted['board']}"})
    files = _uploaded(wanted["name"])
    emulated = get_board(board).runner != "zephyr"
    measuring = False
    try:
        with tempfile.TemporaryDirectory(prefix="tvm-patch-") as folder:
            try:
                with tarfile.open(files.with_suffix(".tar")) as archive:
                    archive.extractall(folder, filter="data")
                with np.load(files.with_suffix(".npz"), allow_pickle=False) as loaded:
                    inputs = [loaded[k] for k in loaded.files]
            except (OSError, ValueError, EOFError, KeyError, tarfile.TarError, zipfile.BadZipFile) as e:
                return json.dumps({"lost": f"what was uploaded as {wanted['name']} cannot be read: {e}"})
            build: dict[str, Any] = dict(BUILD_OPTIONS) if emulated else {}
            with Session(board=board, artifact=folder, options=options, **build) as session:
                measuring = True
                profile = session.profile(inputs)
    except PatchError as e:
        # What a real board does before it has answered once is not the candidates' fault, nor is what a user must mend;
        # that they are too many for the board is, and a smaller batch may fit.
        theirs = isinstance(e, DoesNotFitError) or (
            not isinstance(e, UserError) and (emulated or (measuring and not isinstance(e, LineClosedError)))
        )
        return json.dumps({"error" if theirs else "lost": str(e)})
    np.savez(files.with_suffix(".out.npz"), *profile.inference.outputs)
    return json.dumps({"costs": [o.cost for o in profile.operators], "unit": profile.unit})


def _parsed(request: str) -> dict[str, str] | None:
    """Return what a request asks for; None unless it names a file beside the others that were uploaded."""
    try:
        wanted = json.loads(request)
        if isinstance(wanted["board"], str) and _NAME.fullmatch(wanted["name"]):
            return {"board": wanted["board"], "name": wanted["name"]}
    except (ValueError, RecursionError, KeyError, TypeError):
        pass
    return None


def _uploaded(name: str) -> Path:
    import tvm_ffi

    return Path(str(tvm_ffi.get_global_func("tvm.rpc.server.workpath")(name)))


def _register(board: str, options: Mapping[str, OptionValue]) -> None:
    """Offer the function in the server's process."""
    import tvm_ffi

    tvm_ffi.register_global_func(FUNCTION, partial(measure, board, options), override=True)


def start_server(
    board: str, tracker: Tracker, host: str = "127.0.0.1", options: Mapping[str, OptionValue] | None = None
) -> Any:
    """Start a server of TVM's RPC and register it.

    Parameters
    ----------
    board : str
        What is plugged in.
    tracker : Tracker
        Where to register it, and as what.
    host : str
        Address to listen at.  TVM's RPC knows no passwords: whoever reaches it can run what they like.
    options : mapping, optional
        Of the Zephyr template: port, serial, runner, zephyr_base.

    Returns
    -------
    tvm.rpc.Server
        ``terminate()`` ends it.

    Raises
    ------
    UserError
        There is no such board.
    ToolMissingError
        TVM's RPC lacks a package.
    BoardsLostError
        There is no tracker.
    """
    get_board(board)
    tracker.connect()
    try:
        from tvm import rpc
    except ImportError as e:
        raise ToolMissingError(f"TVM's RPC needs a package: {e}; pip install 'tvm-patch[tune]'") from e
    return rpc.Server(
        host,
        port=9000,
        port_end=9300,
        tracker_addr=(tracker.host, tracker.port),
        key=tracker.key,
        server_init_callback=partial(_register, board, dict(options or {})),
        silent=True,
    )
