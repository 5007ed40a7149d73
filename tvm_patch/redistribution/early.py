"""Shrinking the patch stage: the choices, and what each combination of them leaves to compute."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import tvm

from relay_passes.extract_graph import extract_graph
from relay_passes.pipeline import legalization_passes
from tvm_patch.frontend import import_tflite
from tvm_patch.kernels import Kernel
from tvm_patch.kernels.describe import describe
from tvm_patch.lowering.program import choose_kernels
from tvm_patch.planner.layout.patch_stage import patch_stage
from tvm_patch.planner.network import Network
from tvm_patch.redistribution.edit_model import edit_model
from tvm_patch.redistribution.edits import Edit, RemoveBlock, SetKernel
from tvm_patch.redistribution.receptive_field import fields_of
from tvm_patch.redistribution.structure import Structure
from tvm_patch.redistribution.wiring import Wiring, pruned
from tvm_patch.targets import HOST
from tvm_patch.tflite.model import Model
from tvm_patch.tflite.writer import write_model

Choice = tuple[tuple[Edit, ...], ...]
"""Alternatives for one part of the stage: edits to make, the first alternative none."""


@dataclass(frozen=True)
class Early:
    """The patch stage under some edits.

    Attributes
    ----------
    edits : tuple of Edit
    macs, executed : int
        Of the stage, once, and with what patches compute twice.
    field : tuple of float
        Rows and columns of the input that an element of the stage's output sees.
    removed : int
        Blocks taken out.
    """

    edits: tuple[Edit, ...]
    macs: int
    executed: int
    field: tuple[float, float]
    removed: int

    @property
    def twice(self) -> int:
        """Multiply-accumulates that patches run again."""
        return self.executed - self.macs


class EarlyStage:
    """The patch stage of a network alone, so that an edit of it is looked at in milliseconds.

    Parameters
    ----------
    model : Model
        The whole network, in canonical form.
    tensor : str
        What the stage makes.
    patches : int
        Along each axis.
    """

    def __init__(self, model: Model, tensor: str, patches: int) -> None:
        until = replace(model, outputs=(Wiring(model).named[tensor],))
        self.model, self.patches = pruned(until), patches
        self._known: dict[tuple[Edit, ...], Early] = {}

    def look(self, edits: Sequence[Edit]) -> Early:
        """Return what the stage costs under edits of it."""
        key = tuple(edits)
        if key not in self._known:
            network = network_of(edit_model(self.model, key))
            stage = patch_stage(network, len(network.operators), self.patches)
            field = fields_of(network.graph)[network.outputs[0]].size
            removed = sum(isinstance(e, RemoveBlock) for e in key)
            self._known[key] = Early(key, stage.macs, stage.executed, field, removed)
        return self._known[key]


def network_of(model: Model, name: str = "network") -> Network:
    """Return a model as the planner's network."""
    module = import_tflite(write_model(model)).module
    legal = tvm.transform.Sequential(legalization_passes("int8", prune=False))(module)
    graph = extract_graph(legal)
    kernels: list[Kernel] = choose_kernels(graph, HOST)
    return describe(graph, kernels, name, HOST)


def choices(structure: Structure, layers: int) -> list[Choice]:
    """Return what may be shrunk in the first `layers` operators.

    The rules: a window may lose rings of taps as long as it is no smaller than its stride, so that every pixel is read;
    of every run of equal blocks at most one may go.
    """
    inside = {op.outputs[0] for op in structure.network.operators[:layers]}
    last = structure.network.operators[layers - 1].outputs[0]
    made: list[Choice] = []
    for op in structure.windows:
        window = op.window
        if op.outputs[0] in inside and window is not None:
            sizes = [
                s for s in _smaller(window.kernel) if s[0] >= window.stride[0] and s[1] >= window.stride[1]
            ]
            if sizes:
                made.append(((), *((SetKernel(op.outputs[0], size),) for size in sizes)))
    for stage in structure.stages:
        # The tensor that the stage hands on stays, so that before and after can be compared there.
        movable = [b for b in stage if b.output in inside and b.output != last]
        if movable:
            made.append(((), (RemoveBlock(movable[-1].output),)))
    return made


def _smaller(kernel: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the sizes around the same centre that are smaller, largest first."""
    sizes = []
    while max(kernel) > 2:
        kernel = (
            kernel[0] - 2 if kernel[0] > 2 else kernel[0],
            kernel[1] - 2 if kernel[1] > 2 else kernel[1],
        )
        sizes.append(kernel)
    return sizes


def combinations(structure: Structure, options: Sequence[Choice]) -> Iterator[tuple[Edit, ...]]:
    """Yield combinations of choices, without resizing a window of a block that goes."""
    seen = set()
    for picked in product(*options):
        edits = sensible(structure, [e for part in picked for e in part])
        if edits and edits not in seen:
            seen.add(edits)
            yield edits


def sensible(structure: Structure, edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """Return `edits` without those of windows in removed blocks."""
    removed = {e.output for e in edits if isinstance(e, RemoveBlock)}
    gone = {t for b in structure.blocks if b.output in removed for t in b.tensors}
    return tuple(e for e in edits if not (isinstance(e, SetKernel) and e.operator in gone))
