"""One operator with many configs in one program, each result compared with the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from microtvm_project.boards import get_board
from relay_passes.dialect import evaluate
from tvm_patch.artifact_metadata import BorderEntry, ModelInputEntry
from tvm_patch.codegen.artifact import ArtifactFiles, write_files
from tvm_patch.codegen.emit import Interface, emit
from tvm_patch.codegen.metadata import Origin, metadata
from tvm_patch.graph import Graph, Operator, Tensor
from tvm_patch.kernels import Kernel
from tvm_patch.kernels.describe import describe
from tvm_patch.lowering.program import lower_program
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.segments import layer_by_layer
from tvm_patch.targets import get_target

Objective = Literal["instructions", "cycles"]
OBJECTIVES: tuple[Objective, ...] = ("instructions", "cycles")

Outcome = int | str
"""Instructions or cycles, or why there are none."""

BUILD_OPTIONS: dict[str, Any] = {
    # A candidate's cost must not depend on those beside it.
    "defines": {"TVM_PATCH_SEPARATE_STEPS": "1"},
    "extra_flags": ("-fno-ipa-icf",),
}
"""For the batch's firmware."""

WRONG = "its result differs from the reference"


@dataclass(frozen=True)
class Batch:
    """A program that runs one operator with several configs.

    Attributes
    ----------
    kernel : Kernel
        The operator's, with its constants.
    configs : sequence of mapping
        What it tries.
    artifact : Path
        Its C.
    inputs : list of ndarray
        Random.
    expected : ndarray
        The reference's output.
    """

    kernel: Kernel
    configs: Sequence[Mapping[str, Any]]
    artifact: Path
    inputs: list[np.ndarray]
    expected: np.ndarray

    def outcomes(self, counts: Sequence[int], outputs: Sequence[np.ndarray]) -> list[Outcome]:
        """Return costs, or that a result is wrong."""
        return [
            count if np.array_equal(made, self.expected) else WRONG
            for count, made in zip(counts, outputs, strict=True)
        ]


def write_batch(
    kernel: Kernel, configs: Sequence[Mapping[str, Any]], board: str, folder: Path, seed: int = 0
) -> Batch:
    """Write the C of one operator with several configs.

    Parameters
    ----------
    kernel : Kernel
        The operator's, with its constants.
    configs : sequence of mapping
        What to try.
    board : str
        What it is for.
    folder : Path
        For the sources; must stay until they were run.
    seed : int
        Of the random input.
    """
    op = kernel.op
    rng = np.random.default_rng(seed)
    inputs = [_random(rng, v) for v in op.inputs]
    (expected,) = evaluate(op, inputs)
    files = _artifact(op, [type(kernel)(op, c) for c in configs], board)
    return Batch(kernel, configs, write_files(files, folder / "batch"), inputs, expected)


def _random(rng: np.random.Generator, view: Tensor) -> np.ndarray:
    info = np.iinfo(view.dtype)
    return rng.integers(info.min, info.max + 1, view.shape).astype(view.dtype)


def _artifact(op: Operator, kernels: Sequence[Kernel], board: str) -> ArtifactFiles:
    """Return C that runs an operator once a kernel, all on the same input."""
    inputs = tuple(replace(t, name=f"in{i}") for i, t in enumerate(op.inputs))
    outputs = tuple(replace(op.outputs[0], name=f"out{i}") for i in range(len(kernels)))
    graph = Graph(tuple(replace(op, inputs=inputs, outputs=(out,)) for out in outputs), inputs, outputs)
    network = describe(graph, kernels, "batch", get_target(get_board(board).cpu))
    program = lower_program(graph, kernels, Schedule.of(network, layer_by_layer(network)))
    placement = program.schedule.placement
    borders = [[Interface(t.name, 0.0, 0) for t in side] for side in (inputs, outputs)]
    emitted = emit(program, placement, borders[0], borders[1])
    given, made = ([{"name": t.name, "dtype": t.dtype} for t in side] for side in (inputs, outputs))
    origin = Origin(
        board=board,
        model_sha256="",
        model_inputs=[ModelInputEntry(**e, scale=0.0, zero_point=0, axes=None, shape=None) for e in given],
        model_outputs=[BorderEntry(**e, scale=0.0, zero_point=0) for e in made],
    )
    return ArtifactFiles(metadata(program, placement, emitted, origin), emitted.files)
