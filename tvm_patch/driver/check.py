"""Compare what an artifact gives with LiteRT's reference kernels, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tvm_patch.driver.artifact import Artifact
from tvm_patch.driver.domain import (
    difference_in_steps,
    input_to_model,
    output_to_model,
    random_model_input,
    shape_in_model,
)
from tvm_patch.driver.domain import input_to_artifact as to_artifact
from tvm_patch.driver.reference import Reference, find_reference
from tvm_patch.oracle import Oracle, OracleRefusal


@dataclass(frozen=True)
class CheckResult:
    """Outcome of a comparison with the reference.

    Attributes
    ----------
    bit_exact : bool
        Whether every output of every input set is identical.
    max_abs_diff : int
        Largest difference, in quantization steps of the output.
    oracle : str
        What it was compared with.
    refusals : tuple of str
        Why better oracles do not run the model.
    default_diff : int or None
        Largest difference of the same outputs from LiteRT's default kernels, in steps; None if they were not asked,
        refuse the model, or are the oracle.
    """

    bit_exact: bool
    max_abs_diff: int
    oracle: str
    refusals: tuple[str, ...] = ()
    default_diff: int | None = None


def random_inputs(artifact: Artifact, count: int = 1, seed: int = 0) -> list[list[np.ndarray]]:
    """Draw input sets in the artifact's types, such as the model file's own input could have given."""
    rng = np.random.default_rng(seed)
    meta = artifact.metadata
    return [
        [
            to_artifact(random_model_input(rng, model, mine, shape_in_model(mine.shape, model)), model, mine)
            for model, mine in zip(meta.model_inputs, meta.inputs, strict=True)
        ]
        for _ in range(count)
    ]


def check(
    artifact: Artifact,
    model: bytes,
    inputs: Sequence[Sequence[np.ndarray]],
    outputs: Sequence[Sequence[np.ndarray]],
    oracle: Oracle | Reference | None = None,
    beside_default: bool = False,
) -> CheckResult:
    """Compare outputs with the reference.

    Parameters
    ----------
    artifact : Artifact
        The compiled model.
    model : bytes
        The .tflite file that it was compiled from.
    inputs, outputs : sequence of sequences of ndarray
        Input sets given to the artifact and the outputs it gave for each, in its own types.
    oracle : Oracle or Reference, optional
        A loaded reference interpreter to use again.
    beside_default : bool
        Also compare with the kernels that LiteRT takes by itself, which people compare with.

    Raises
    ------
    OracleRefusal
        When the reference itself cannot run the model.
    """
    signature = artifact.metadata.signature
    if oracle is None:
        with find_reference(model, signature) as found:
            return check(artifact, model, inputs, outputs, found, beside_default)
    if isinstance(oracle, Oracle):
        oracle = Reference(oracle, oracle.name, "reference")
    largest = _largest_difference(artifact, inputs, outputs, oracle.oracle)
    default = None
    if beside_default and oracle.kernels != "default":
        default = _beside_default(artifact, model, inputs, outputs)
    return CheckResult(largest == 0, largest, oracle.name, oracle.refusals, default)


def _beside_default(
    artifact: Artifact,
    model: bytes,
    inputs: Sequence[Sequence[np.ndarray]],
    outputs: Sequence[Sequence[np.ndarray]],
) -> int | None:
    try:
        with find_reference(model, artifact.metadata.signature, ("default",)) as found:
            return _largest_difference(artifact, inputs, outputs, found.oracle)
    except OracleRefusal:
        return None


def _largest_difference(
    artifact: Artifact,
    inputs: Sequence[Sequence[np.ndarray]],
    outputs: Sequence[Sequence[np.ndarray]],
    oracle: Oracle,
) -> int:
    """Return the largest difference from an oracle, in steps of the output."""
    meta, largest = artifact.metadata, 0
    for given, got in zip(inputs, outputs, strict=True):
        originals = [
            input_to_model(v, m, a) for v, m, a in zip(given, meta.model_inputs, meta.inputs, strict=True)
        ]
        expected = oracle.run(originals).outputs
        for mine, wanted, m, a in zip(got, expected, meta.model_outputs, meta.outputs, strict=True):
            largest = max(largest, difference_in_steps(output_to_model(mine, m, a), wanted, a))
    return largest
