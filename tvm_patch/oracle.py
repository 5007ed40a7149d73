"""The oracle: LiteRT with its reference kernels (BUILTIN_REF), whose every bit the compiler must reproduce.

LiteRT checks little of what it is given and dies of some models with a failed assertion or a segmentation
fault.  ``Oracle(model, isolate=True)`` runs it in a child process, so that such a death becomes an
:class:`OracleRefusal`.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import struct
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt

from tvm_patch.errors import InputError, ToolMissingError, UserError

Array = npt.NDArray[Any]


class OracleRefusal(UserError):  # noqa: N818 -- it is an answer of the oracle, not a failure of ours
    """LiteRT cannot run the model: an operator, a version or a quantization that its kernels do not take."""


Kernels = Literal["reference", "default"]
"""Which of LiteRT's kernels: those of its BUILTIN_REF resolver, or those that an interpreter takes by itself."""

NAMES: dict[Kernels, str] = {"reference": "LiteRT BUILTIN_REF", "default": "LiteRT's default kernels"}


@dataclass(frozen=True)
class Entry:
    """A signature of a model to run instead of its first subgraph.

    Attributes
    ----------
    name : str
        Of the signature.
    inputs, outputs : tuple of int
        Tensors of its subgraph, in the order in which arrays are given and come.
    """

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class OracleResult:
    """What LiteRT computed.

    Attributes
    ----------
    outputs : list of ndarray
        In the order of the model's outputs.
    tensors : dict of int to ndarray
        By tensor index of subgraph 0, constants included; empty unless every tensor was preserved.
    """

    outputs: list[Array]
    tensors: dict[int, Array] = field(default_factory=dict)


class Oracle:
    """An interpreter kept for many runs of one model.

    Parameters
    ----------
    model : bytes
        The .tflite file.
    preserve_all : bool
        Keep every tensor, to compare operator by operator.
    isolate : bool
        Run LiteRT in a child process.
    kernels : {"reference", "default"}
        Whose results count.
    entry : Entry, optional
        What to run; the first subgraph otherwise.

    Raises
    ------
    ToolMissingError
        When ai-edge-litert is not installed.
    OracleRefusal
        When LiteRT rejects the model, here or in :meth:`run`; never does a run pass without results.
    """

    def __init__(
        self,
        model: bytes,
        preserve_all: bool = False,
        isolate: bool = False,
        kernels: Kernels = "reference",
        entry: Entry | None = None,
    ) -> None:
        self.name = NAMES[kernels]
        make = _Child if isolate else _Session
        self._session: _Child | _Session = make(bytes(model), preserve_all, kernels, entry)

    def run(self, inputs: Sequence[Array]) -> OracleResult:
        """Return the results for `inputs`, arrays in the order, shape and dtype of the model's inputs.

        Raises
        ------
        InputError
            When an input does not fit the model.
        OracleRefusal
            When LiteRT fails to run.
        """
        return self._session.run([np.asarray(x) for x in inputs])

    def close(self) -> None:
        """End the child process, if any; the oracle cannot run after that."""
        self._session.close()

    def __enter__(self) -> Oracle:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def run_oracle(
    model_bytes: bytes, inputs: Sequence[Array], preserve_all: bool = False, isolate: bool = False
) -> OracleResult:
    """Return what BUILTIN_REF computes for one model and one set of inputs; see :class:`Oracle`."""
    with Oracle(model_bytes, preserve_all, isolate) as oracle:
        return oracle.run(inputs)


class _Session:
    """LiteRT in this process."""

    def __init__(
        self, model: bytes, preserve_all: bool, kernels: Kernels = "reference", entry: Entry | None = None
    ) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter, OpResolverType
        except ImportError as error:
            raise ToolMissingError(
                "the reference interpreter is not installed: pip install 'tvm-patch[check]'"
            ) from error
        self._preserve_all, self._name, self._entry = preserve_all, NAMES[kernels], entry
        resolver = OpResolverType.BUILTIN_REF if kernels == "reference" else OpResolverType.BUILTIN
        try:
            self._interpreter = Interpreter(
                model_content=model,
                experimental_op_resolver_type=resolver,
                experimental_preserve_all_tensors=preserve_all,
            )
            # A runner allocates when it is called, and does not like to find that done.
            self._runner: Any = self._interpreter.get_signature_runner(entry.name) if entry else None
            if entry is None:
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise OracleRefusal(f"{self._name} refuses the model: {_one_line(error)}") from error

    def run(self, inputs: list[Array]) -> OracleResult:
        if self._entry is not None:
            return self._run_signature(self._entry, inputs)
        details = self._interpreter.get_input_details()
        if len(details) != len(inputs):
            raise InputError(f"the model has {len(details)} inputs, got {len(inputs)}")
        for detail, array in zip(details, inputs, strict=True):
            shape, dtype = tuple(int(d) for d in detail["shape"]), np.dtype(detail["dtype"])
            if array.shape != shape or array.dtype != dtype:
                raise InputError(
                    f"input {detail['name']} is {dtype}{list(shape)}, got {array.dtype}{list(array.shape)}"
                )
            self._interpreter.set_tensor(detail["index"], array)
        try:
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise OracleRefusal(f"{self._name} fails to run the model: {_one_line(error)}") from error
        outputs = [self._interpreter.get_tensor(d["index"]) for d in self._interpreter.get_output_details()]
        return OracleResult(outputs, self._tensors() if self._preserve_all else {})

    def _run_signature(self, entry: Entry, inputs: list[Array]) -> OracleResult:
        takes = {d["index"]: name for name, d in self._runner.get_input_details().items()}
        gives = {d["index"]: name for name, d in self._runner.get_output_details().items()}
        if (
            len(inputs) != len(entry.inputs)
            or set(entry.inputs) != set(takes)
            or not set(entry.outputs) <= set(gives)
        ):
            raise OracleRefusal(f"signature {entry.name!r} has not all inputs and outputs of its subgraph")
        try:
            results = self._runner(**{takes[i]: x for i, x in zip(entry.inputs, inputs, strict=True)})
        except (ValueError, RuntimeError) as error:
            raise OracleRefusal(f"{self._name} fails to run the model: {_one_line(error)}") from error
        return OracleResult([results[gives[i]] for i in entry.outputs])

    def close(self) -> None:
        """Nothing to end."""

    def _tensors(self) -> dict[int, Array]:
        tensors = {}
        for detail in self._interpreter.get_tensor_details():
            try:
                tensors[int(detail["index"])] = self._interpreter.get_tensor(detail["index"])
            except ValueError:
                # Scratch tensors of kernels have no data to give.
                continue
        return tensors


class _Child:
    """LiteRT in a child process: this module run as a script, pickles with their length on its pipes."""

    def __init__(
        self, model: bytes, preserve_all: bool, kernels: Kernels = "reference", entry: Entry | None = None
    ) -> None:
        self._name = NAMES[kernels]
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 -- closed with the child
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tvm_patch.oracle"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment,
        )
        # So that an oracle that nobody closed ends with its last user.
        self._end = weakref.finalize(self, _end, self._process, self._log)
        try:
            self._ask((model, preserve_all, kernels, entry))
        except BaseException:
            self.close()
            raise

    def run(self, inputs: list[Array]) -> OracleResult:
        answer = self._ask(inputs)
        assert isinstance(answer, OracleResult)
        return answer

    def close(self) -> None:
        self._end()

    def _ask(self, question: object) -> object:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            _send(self._process.stdin, question)
            answer = _receive(self._process.stdout)
        except (OSError, EOFError) as error:
            code = self._process.wait()
            raise OracleRefusal(
                f"{self._name} died of the model ({_exit_words(code)}){self._last_words()}"
            ) from error
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _last_words(self) -> str:
        self._log.seek(0)
        lines = [line.strip() for line in self._log.read().decode(errors="replace").splitlines()]
        useful = [line for line in lines if line and not line.startswith(("INFO", "WARNING"))]
        return f": {useful[-1]}" if useful else ""


def _end(process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    """End a child process and close what was open to it."""
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, log):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()


def _exit_words(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit status {code}"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _send(stream: IO[bytes], message: object) -> None:
    data = pickle.dumps(message)
    stream.write(struct.pack("<Q", len(data)) + data)
    stream.flush()


def _receive(stream: IO[bytes]) -> object:
    header = stream.read(8)
    if len(header) < 8:
        raise EOFError
    (size,) = struct.unpack("<Q", header)
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return pickle.loads(data)


def _serve() -> None:
    """Answer questions on stdin until it closes: first what makes a session, then inputs."""
    source = os.fdopen(os.dup(0), "rb")
    sink = os.fdopen(os.dup(1), "wb")
    # LiteRT may print; only our own messages belong on the pipe.
    os.dup2(2, 1)
    session: _Session | None = None
    while True:
        try:
            question: Any = _receive(source)
        except EOFError:
            return
        answer: object = None
        try:
            if session is None:
                session = _Session(*question)
            else:
                answer = session.run(question)
        except UserError as error:
            answer = error
        _send(sink, answer)


if __name__ == "__main__":
    # Classes must be pickled under the module's real name, not as __main__'s.
    from tvm_patch.oracle import _serve as serve

    serve()
