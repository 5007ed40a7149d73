"""A session with a board: run and profile a model on it, and survive what happens to boards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import TypeVar

import numpy as np

from microtvm_project.artifact import CompiledModel, Given, fingerprint, order_inputs, unpack_outputs
from microtvm_project.protocol import Hello, Result, Type, Unit
from microtvm_project.protocol.messages import counts, numbers
from microtvm_project.session.link import BoardLostError, Link, Timing
from microtvm_project.session.rows import HostRows, RowSource
from microtvm_project.transports import LineClosedError, Transport
from tvm_patch.errors import BoardError, UserError

T = TypeVar("T")

_RUN_ERRORS = {
    77: "a row could not be given",
    78: "the model asked for a row that its input does not have",
    79: "the model asked for the rows of a streamed input out of order",
    80: "the host has gone",
}

_WRITE_HEAD_BYTES = 8


@dataclass(frozen=True)
class BoardInfo:
    """What the firmware says of itself and its model.

    Attributes
    ----------
    board, model : str
        Names.
    arena_bytes, num_operators : int
        Of the model.
    unit : str
        What costs are counted in: ``"instructions"``, ``"cycles"`` or ``"nanoseconds"``.
    clock_hz : int or None
        Of the counter, where it counts time.
    can_profile : bool
        Whether it was built with profile hooks.
    most_bytes : int
        Of a message.
    """

    board: str
    model: str
    arena_bytes: int
    num_operators: int
    unit: str
    clock_hz: int | None
    can_profile: bool
    most_bytes: int


@dataclass(frozen=True)
class Inference:
    """One run.

    Attributes
    ----------
    outputs : list of ndarray
        In the model's order.
    cost : int
        Of the run function, in ``unit``; not counted is what the board waits for rows.
    unit : str
        ``"instructions"``, ``"cycles"`` or ``"nanoseconds"``.
    rows_read : int
        Rows of fetched inputs.
    stack_bytes : int or None
        High-water mark of the model's stack, where measured.
    """

    outputs: list[np.ndarray]
    cost: int
    unit: str
    rows_read: int
    stack_bytes: int | None


@dataclass(frozen=True)
class OperatorCost:
    """An operator and what it costs."""

    name: str
    cost: int


@dataclass(frozen=True)
class Profile:
    """What each operator costs.

    Attributes
    ----------
    inference : Inference
        The run that was profiled.  Its cost includes that of the hooks.
    operators : list of OperatorCost
        In run order, the hooks' cost taken off.
    """

    inference: Inference
    operators: list[OperatorCost]

    @property
    def unit(self) -> str:
        """What costs are counted in."""
        return self.inference.unit


class Session:
    """A host-driven session; use it in a ``with`` statement.

    Parameters
    ----------
    artifact : CompiledModel
        What the firmware was built from.
    transport : Transport
        To the firmware; opened and closed by the session.
    board : str
        A name for messages.
    timing : Timing
        How long to wait for what.
    retries : int
        How often an inference is begun again after the board was lost: it was reset, its process was killed, its
        cable was pulled.

    Raises
    ------
    BoardError
        On entry: the board cannot be reached, or runs another model.
    """

    def __init__(
        self,
        artifact: CompiledModel,
        transport: Transport,
        board: str = "board",
        timing: Timing | None = None,
        retries: int = 2,
    ) -> None:
        self.artifact = artifact
        self.transport = transport
        self.board = board
        self.link = Link(transport, timing or Timing())
        self.retries = retries
        self._hello: Hello | None = None

    def __enter__(self) -> Session:
        with self._about():
            self._connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the session and what was started for it."""
        self._hello = None
        self.transport.close()

    def info(self) -> BoardInfo:
        """Ask what the firmware is.

        Raises
        ------
        BoardError
            The board does not answer.
        """
        with self._about():
            hello = self._retry(self._connected)
        return BoardInfo(
            self.board,
            hello.name,
            hello.arena_bytes,
            hello.num_operators,
            hello.unit.name.lower(),
            hello.clock_hz or None,
            hello.profile,
            hello.most_bytes,
        )

    def run(
        self,
        inputs: Mapping[str, Given] | Sequence[Given],
        *,
        salt: int = 0,
        seconds: float | None = None,
    ) -> Inference:
        """Run one inference.

        Parameters
        ----------
        inputs : mapping or sequence
            By name or in the model's order: arrays, or for an input that is fetched row by row a function that gives
            a row.
        salt : int
            Chooses what the arena is filled with before.
        seconds : float, optional
            For the inference, instead of the timing's.

        Raises
        ------
        InputError
            An input has the wrong shape or dtype.
        BoardError
            The board was lost too often, did not answer in time, or the model failed.
        """
        return self._infer(inputs, salt, seconds, False)[0]

    def profile(
        self, inputs: Mapping[str, Given] | Sequence[Given], *, seconds: float | None = None
    ) -> Profile:
        """Run one inference and say what each operator costs; see :meth:`run`.

        Raises
        ------
        UserError
            The firmware was built without profile hooks.
        """
        if not self.info().can_profile:
            raise UserError(
                f"the firmware on {self.board} was built without profile hooks; build it with them"
            )
        inference, costs = self._infer(inputs, 0, seconds, True)
        names = self.artifact.operators
        return Profile(inference, [OperatorCost(n, c) for n, c in zip(names, costs, strict=True)])

    def reset(self) -> None:
        """Have the firmware start again, and begin a new session.

        Raises
        ------
        BoardError
            The board does not come back.
        """
        with self._about():
            self._retry(self._connected)
            # The answer may be lost, but it has started again.
            with suppress(BoardLostError, LineClosedError):
                self.link.request(Type.RESET)
            self._hello = None
            self._retry(self._connected)

    # ---- Losing and finding the board ----

    def _connect(self) -> Hello:
        """Open the transport and begin a session on it."""
        self.transport.open()
        try:
            return self._greet()
        except BaseException:
            self.transport.close()
            raise

    def _greet(self) -> Hello:
        hello = self.link.connect()
        expected = fingerprint(self.artifact)
        if hello.artifact != expected:
            raise BoardError(
                f"the firmware is of another artifact (model {hello.name!r}, mark {hello.artifact:08x}) than the one "
                f"given ({self.artifact.metadata.model_name!r}, {expected:08x}); build and flash it again"
            )
        problem = ""
        if hello.arena_bytes != self.artifact.metadata.arena_bytes:
            problem = f"an arena of {hello.arena_bytes} bytes, metadata.json says {self.artifact.metadata.arena_bytes}"
        elif hello.num_operators != len(self.artifact.operators):
            problem = f"{hello.num_operators} operators, metadata.json says {len(self.artifact.operators)}"
        if problem:
            raise BoardError(f"the firmware reports {problem}")
        self._hello = hello
        return hello

    def _connected(self) -> Hello:
        """Return what the firmware says of itself, after beginning a session if there is none."""
        if self._hello is not None:
            return self._hello
        try:
            return self._greet()
        except LineClosedError:
            return self._connect()

    def _retry(self, work: Callable[[], T], again: Callable[[], bool] = lambda: True) -> T:
        """Do something, and again when the board was lost meanwhile."""
        for attempt in range(self.retries + 1):
            try:
                return work()
            except (BoardLostError, LineClosedError) as e:
                self._hello = None
                if attempt == self.retries:
                    raise
                if not again():
                    raise BoardError(f"{e}; a streamed input cannot be begun again") from e
            except BoardError:
                # Whatever state it is in: the next session begins afresh.
                self.close()
                raise
            except BaseException:
                # Interrupted, or a row source's own error: a new session ends a run that still waits.
                self._hello = None
                raise
        raise AssertionError("unreachable")

    @contextmanager
    def _about(self) -> Iterator[None]:
        """Say in errors which board and model they are about."""
        where = f"{self.board}, model {self.artifact.metadata.model_name}"
        try:
            yield
        except BoardError as e:
            if str(e).startswith(where):
                raise
            raise type(e)(f"{where}: {e}") from e

    # ---- An inference ----

    def _infer(
        self,
        inputs: Mapping[str, Given] | Sequence[Given],
        salt: int,
        seconds: float | None,
        profile: bool,
    ) -> tuple[Inference, list[int]]:
        given = order_inputs(self.artifact, inputs)
        limit = self.link.timing.run if seconds is None else seconds
        end = time.monotonic() + limit
        sources: list[np.ndarray | RowSource] = [
            g for t, g in zip(self.artifact.metadata.inputs, given, strict=True) if t.arena_offset is None
        ]
        rows = HostRows(self.artifact.fetched, sources)

        def attempt() -> tuple[Inference, list[int]]:
            hello = self._connected()
            self._write_inputs(hello, given, salt)
            result = self.link.run(profile, rows.give, end)
            self._check(result, rows)
            outputs = unpack_outputs(self.artifact, self._read_outputs(hello))
            inference = Inference(
                outputs, result.cost, _unit(hello.unit), result.rows_read, result.stack_bytes
            )
            return inference, self._read_profile(hello) if profile else []

        with self._about():
            return self._retry(attempt, lambda: rows.can_start_again)

    def _write_inputs(self, hello: Hello, given: Sequence[Given], salt: int) -> None:
        self.link.request(Type.BEGIN, numbers(salt % 2**32))
        piece = hello.most_bytes - _WRITE_HEAD_BYTES
        for index, (tensor, array) in enumerate(zip(self.artifact.metadata.inputs, given, strict=True)):
            if tensor.arena_offset is None:
                continue
            data = np.ascontiguousarray(array).tobytes()
            for offset in range(0, len(data), piece):
                body = numbers(index, offset) + data[offset : offset + piece]
                self.link.request(Type.WRITE, body)

    def _read_outputs(self, hello: Hello) -> bytes:
        found = bytearray()
        for index, tensor in enumerate(self.artifact.metadata.outputs):
            for offset in range(0, tensor.bytes, hello.most_bytes):
                wanted = min(hello.most_bytes, tensor.bytes - offset)
                data = self.link.request(Type.READ, numbers(index, offset, wanted))
                if len(data) != wanted:
                    raise BoardError(f"{len(data)} bytes of output {tensor.name!r} instead of {wanted}")
                found += data
        return bytes(found)

    def _read_profile(self, hello: Hello) -> list[int]:
        found: list[int] = []
        while len(found) < hello.num_operators:
            most = min(hello.most_bytes // 8, hello.num_operators - len(found))
            data = self.link.request(Type.PROFILE, numbers(len(found), most))
            if len(data) != 8 * most:
                raise BoardError(f"{len(data)} bytes of counts instead of {8 * most}")
            found += counts(data)
        return found

    def _check(self, result: Result, rows: HostRows) -> None:
        if rows.failure is not None:
            raise rows.failure
        if not result.intact:
            raise BoardError("the model wrote outside its arena")
        if result.status != 0:
            why = _RUN_ERRORS.get(result.status, "the model's run function returned an error")
            raise BoardError(f"{why} ({result.status})")


def _unit(unit: Unit) -> str:
    return unit.name.lower()
