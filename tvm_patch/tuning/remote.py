"""Boards that are shared through TVM's RPC tracker: this side asks for them."""

from __future__ import annotations

import io
import json
import queue
import socket
import tarfile
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tvm_patch.errors import BoardError, PatchError, ToolMissingError, UserError
from tvm_patch.tuning.batch import Batch, Objective, Outcome, write_batch
from tvm_patch.tuning.rack import Run

T = TypeVar("T")

FUNCTION = "tvm_patch.measure_batch"
"""What board servers offer."""

SESSION_SECONDS = 600
"""For one batch, its building and flashing included; then the tracker ends the session."""

_LOOK_SECONDS = 2.0
"""After which the tracker is asked whether there are still boards."""

TRIES = 3
"""How often a batch is given to a board before the boards count as lost."""


class BoardsLostError(PatchError):
    """No board of the tracker measures any more; what was measured is kept."""


@dataclass(frozen=True)
class Tracker:
    """A tracker and the boards on it.

    Attributes
    ----------
    host, port : str, int
        Where it listens.
    key : str
        What the boards are registered as.
    """

    host: str
    port: int
    key: str

    @classmethod
    def parse(cls, text: str, key: str) -> Tracker:
        """Read ``HOST:PORT``.

        Raises
        ------
        UserError
            It is something else.
        """
        host, colon, port = text.rpartition(":")
        if not colon or not host or not port.isdigit() or int(port) > 65535:
            raise UserError(f"--tracker {text}: want HOST:PORT, as TVM's tracker prints it")
        return cls(host, int(port), key)

    def connect(self) -> Any:
        """Return TVM's session with the tracker.

        Raises
        ------
        ToolMissingError
            TVM's RPC lacks a package.
        BoardsLostError
            Nothing listens there.
        """
        try:
            from tvm import rpc

            # TVM's client tries for a minute.
            socket.create_connection((self.host, self.port), timeout=5).close()
            return rpc.connect_tracker(self.host, self.port)
        except ImportError as e:
            raise ToolMissingError(f"TVM's RPC needs a package: {e}; pip install 'tvm-patch[tune]'") from e
        except Exception as e:
            raise BoardsLostError(
                f"there is no tracker at {self.host}:{self.port} ({e}); "
                "start one with python -m tvm.exec.rpc_tracker"
            ) from e

    def boards(self) -> int:
        """Return how many boards are registered.

        Raises
        ------
        BoardsLostError
            None, or there is no tracker.
        """
        summary = self.connect().summary()
        found: int = sum(s.get("key") == f"server:{self.key}" for s in summary.get("server_info", ()))
        if not found:
            raise BoardsLostError(
                f"no board is registered as {self.key!r} at {self.host}:{self.port}; "
                f"start tvm-patch board-server --tracker {self.host}:{self.port} --key {self.key} where one is "
                "plugged in"
            )
        return found


class TrackerRack:
    """All boards that a tracker has under a key; a batch is split among them.

    Parameters
    ----------
    board : str
        What they are.
    tracker : Tracker
        Where they are.
    """

    def __init__(self, board: str, tracker: Tracker) -> None:
        self.board = board
        self.tracker = tracker

    def prepare(self, batch: Batch, folder: Path) -> Run:
        """Return what sends the batch to the boards, which build it; see :meth:`tvm_patch.tuning.rack.Rack.prepare`."""

        def run(objective: Objective) -> list[Outcome]:
            parts = self._split(batch, folder)
            with ThreadPoolExecutor(len(parts)) as pool:
                found = list(pool.map(lambda part: self._measure(part, objective), parts))
            return [outcome for outcomes in found for outcome in outcomes]

        return run

    def _split(self, batch: Batch, folder: Path) -> list[Batch]:
        count = min(self.tracker.boards(), len(batch.configs))
        if count == 1:
            return [batch]
        bounds = np.linspace(0, len(batch.configs), count + 1).astype(int)
        parts = []
        for index, (start, end) in enumerate(pairwise(bounds)):
            part = folder / f"part{index}"
            part.mkdir()
            parts.append(write_batch(batch.kernel, batch.configs[start:end], self.board, part))
        return parts

    def _measure(self, batch: Batch, objective: Objective) -> list[Outcome]:
        """Have a board measure a batch; another one, or the same again, if it is lost meanwhile."""
        why: Exception | None = None
        for _ in range(TRIES):
            try:
                reply, outputs = self._while_there(lambda: self._call(batch))
            except BoardsLostError:
                raise
            except Exception as e:  # whatever TVM's RPC raises, the board is not there
                why = e
                continue
            if "lost" in reply:
                why = BoardsLostError(reply["lost"])
                continue
            if "error" in reply:
                raise BoardError(f"{self.board}: {reply['error']}")
            if reply["unit"] != objective:
                raise UserError(
                    f"{self.board} counts {reply['unit']}, not {objective}; give --objective {reply['unit']}"
                )
            return batch.outcomes(reply["costs"], outputs)
        raise BoardsLostError(
            f"boards registered as {self.tracker.key!r} were lost {TRIES} times in a row: {_last_line(why)}; "
            "look after them and start again with the same database"
        )

    def _while_there(self, work: Callable[[], T]) -> T:
        """Do something that may wait for a board for ever, as long as there are boards and there is time.

        TVM's client waits without limit for a board to become free, even when the last one has gone.
        """
        found: queue.Queue[T | BaseException] = queue.Queue()

        def do() -> None:
            try:
                found.put(work())
            except BaseException as e:
                found.put(e)

        threading.Thread(target=do, daemon=True).start()
        end = time.monotonic() + SESSION_SECONDS
        while time.monotonic() < end:
            self.tracker.boards()
            try:
                result = found.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                continue
            if isinstance(result, BaseException):
                raise result
            return result
        raise TimeoutError(f"no answer within {SESSION_SECONDS} s")

    def _call(self, batch: Batch) -> tuple[dict[str, Any], list[np.ndarray]]:
        remote = self.tracker.connect().request(self.tracker.key, session_timeout=SESSION_SECONDS)
        name = uuid.uuid4().hex
        files = {f"{name}.tar": _archive(batch.artifact), f"{name}.npz": _arrays(batch.inputs)}
        for file, data in files.items():
            remote.upload(bytearray(data), file)
        reply = json.loads(remote.get_function(FUNCTION)(json.dumps({"board": self.board, "name": name})))
        if "costs" not in reply:
            return reply, []
        loaded = np.load(io.BytesIO(bytes(remote.download(f"{name}.out.npz"))), allow_pickle=False)
        return reply, [loaded[k] for k in loaded.files]


def _archive(folder: Path) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.add(folder, ".")
    return data.getvalue()


def _arrays(arrays: list[np.ndarray]) -> bytes:
    data = io.BytesIO()
    np.savez(data, *arrays)
    return data.getvalue()


def _last_line(error: Exception | None) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
