"""The oracle for one model: which of LiteRT's kernels can run it, in which form of the file."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

from tvm_patch.oracle import Entry, Kernels, Oracle, OracleRefusal
from tvm_patch.tflite.reader import read_model
from tvm_patch.tflite.writer import write_model


@dataclass(frozen=True)
class Reference:
    """An oracle that runs a model.

    Attributes
    ----------
    oracle : Oracle
        Loaded.
    name : str
        What it is, for reports.
    kernels : {"reference", "default"}
        Whose results it gives.
    refusals : tuple of str
        Why those that would have been better do not run the model.
    """

    oracle: Oracle
    name: str
    kernels: Kernels
    refusals: tuple[str, ...] = ()

    def __enter__(self) -> Reference:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.oracle.close()


def find_reference(
    model: bytes, signature: str | None = None, kernels: Sequence[Kernels] = ("reference", "default")
) -> Reference:
    """Load the best oracle that takes a model.

    That is BUILTIN_REF on the file; else on the file as it was mended (:attr:`tvm_patch.tflite.model.Model.notes`);
    else the kernels that LiteRT takes by itself, which differ by a step on some operators.

    Parameters
    ----------
    model : bytes
        The .tflite file, which passes :func:`tvm_patch.tflite.reader.read_model`.
    signature : str, optional
        Which of its signatures.
    kernels : sequence of {"reference", "default"}
        Whose results to ask for, the best first.

    Raises
    ------
    OracleRefusal
        No kernels of LiteRT's run it; says why.
    ToolMissingError
        LiteRT is not installed.
    """
    refusals: list[str] = []
    for kind, (data, entry, form) in itertools.product(kernels, _forms(model, signature)):
        try:
            oracle = Oracle(data, isolate=True, kernels=kind, entry=entry)
        except OracleRefusal as error:
            refusals.append(str(error))
            continue
        return Reference(oracle, f"{oracle.name}{form}", kind, tuple(dict.fromkeys(refusals)))
    raise OracleRefusal(f"no oracle: {'; '.join(dict.fromkeys(refusals))}")


def _forms(model: bytes, signature: str | None) -> list[tuple[bytes, Entry | None, str]]:
    read = read_model(model, signature)
    entry = None if signature is None else Entry(signature, read.inputs, read.outputs)
    whole = (model, entry, "")
    return [whole, (write_model(read), None, " on the mended file")] if read.mended else [whole]
