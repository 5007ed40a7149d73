"""Redistribute a model: edits chosen by a recipe or a search, carried out, measured and written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tvm_patch.driver.front import legalize
from tvm_patch.errors import InternalError, UserError
from tvm_patch.frontend import Imported
from tvm_patch.frontend.names import UniqueNames
from tvm_patch.planner.network import Network
from tvm_patch.redistribution.edit_model import edit_model
from tvm_patch.redistribution.edits import Edit, RemoveBlock
from tvm_patch.redistribution.measure import Measures, choose_stage, measure
from tvm_patch.redistribution.recipes import recipe_named
from tvm_patch.redistribution.search import search as find_edits
from tvm_patch.redistribution.structure import Structure, structure_of
from tvm_patch.tflite.model import Model
from tvm_patch.tflite.writer import write_model

Progress = Callable[[str, float | None], None]


@dataclass(frozen=True)
class Redistributed:
    """A redistributed model.

    Attributes
    ----------
    data : bytes
        The new .tflite.
    edits : tuple of Edit
        What was done, by names of tensors of the model as imported.
    before, after : Measures
        The patch stage of both ends at the same tensor.
    """

    data: bytes
    edits: tuple[Edit, ...]
    before: Measures
    after: Measures


def redistribute(
    model: Path | str | bytes,
    recipe: str | None = None,
    layers: int | None = None,
    patches: int | None = None,
    progress: Progress | None = None,
) -> Redistributed:
    """Shrink what the patch stage of a model sees and give the work back behind it.

    Parameters
    ----------
    model : path or bytes
        The .tflite file.
    recipe : str, optional
        A name in :data:`tvm_patch.redistribution.recipes.RECIPES`; a search without it.
    layers, patches : int, optional
        Operators of the patch stage, and patches along each axis; what scheme ``mcunetv2`` would take without them.
    progress : callable, optional
        Called with what is being done and the fraction done.

    Raises
    ------
    UserError
        When the model cannot be compiled, has no residual blocks, or cannot be edited so.
    """
    said = progress or (lambda text, part: None)
    chosen = recipe_named(recipe) if recipe is not None else None
    said("reading the network", None)
    # What is trained again has no dead channels, or others.
    front = legalize(model, prune=False)
    _, network = front.describe()
    source = front.imported.canonical
    structure = structure_of(source, network)
    layers, patches = choose_stage(network, layers, patches)
    said("choosing edits", None)
    edits = tuple(
        chosen(structure) if chosen is not None else find_edits(source, structure, layers, patches, said)
    )
    said("measuring", None)
    before = measure(network, layers, patches)
    edited = edit_model(source, edits)
    made = legalize(write_model(edited), front.name, prune=False)
    _, changed = made.describe()
    # Importing it may have given its tensors other names.
    names = {edited.tensors[i].name: name for name, i in made.imported.sources.items()}
    end = _end(structure, edits, before.stage.tensor)
    after = measure(changed, _layers_until(changed, names.get(end, end)), patches)
    return Redistributed(write_model(named_as_in_file(edited, front.imported)), edits, before, after)


def named_as_in_file(edited: Model, imported: Imported) -> Model:
    """Return `edited` with the names that inputs and outputs had in the file."""
    old, names, tensors = imported.canonical, UniqueNames(), list(edited.tensors)
    ports = dict(zip((*edited.inputs, *edited.outputs), (*old.inputs, *old.outputs), strict=True))
    wanted = {
        new: imported.model.tensors[imported.sources[old.tensors[i].name]].name for new, i in ports.items()
    }
    for i in (*wanted, *(i for i in range(len(tensors)) if i not in wanted)):
        tensors[i] = replace(tensors[i], name=names.take(wanted.get(i, tensors[i].name)))
    return replace(edited, tensors=tuple(tensors))


def _end(structure: Structure, edits: Sequence[Edit], tensor: str) -> str:
    """Return what stands for `tensor` in the edited network."""
    removed = {e.output for e in edits if isinstance(e, RemoveBlock)}
    inputs = {b.output: b.input for b in structure.blocks}
    while tensor in removed:
        tensor = inputs[tensor]
    return tensor


def _layers_until(network: Network, tensor: str) -> int:
    for op in network.operators:
        if tensor in op.outputs:
            return op.index + 1
    if tensor in network.inputs:
        raise UserError("nothing is left of the patch stage; give --layers a larger number")
    raise InternalError(f"the edited network does not make {tensor}")
