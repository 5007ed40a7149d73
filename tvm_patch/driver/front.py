"""From a .tflite to the legalized module, and what it says of its own inputs and outputs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import tvm

from relay_passes.extract_graph import graph_of
from relay_passes.interface import interface_of
from relay_passes.pipeline import legalization_passes
from relay_passes.prune_channels import pruned_channels
from tvm_patch.artifact_metadata import BorderEntry, ModelInputEntry
from tvm_patch.border_mode import BorderMode
from tvm_patch.codegen.emit import Interface
from tvm_patch.codegen.identifiers import c_identifier
from tvm_patch.errors import UnsupportedError, UserError
from tvm_patch.frontend import Imported, import_tflite
from tvm_patch.graph import Graph, Tensor
from tvm_patch.input_mode import InputMode
from tvm_patch.kernels import Kernel
from tvm_patch.kernels.describe import describe
from tvm_patch.lowering.block_kernels import block_kernels
from tvm_patch.lowering.fit_kernels import fit_kernels, layer_kernels
from tvm_patch.lowering.order_operators import OrderOperators
from tvm_patch.lowering.program import Program, choose_kernels, lower_program
from tvm_patch.lowering.tuned import TunedConfigs
from tvm_patch.planner.network import Network
from tvm_patch.planner.plan import Bought
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.segments import layer_by_layer
from tvm_patch.targets import HOST, Target
from tvm_patch.tflite.model import Model

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Legalized:
    """A model in the integer dialect.

    Attributes
    ----------
    name : str
        A C identifier.
    imported : Imported
        The file's content and its canonical form.
    sha256 : str
        Of the file.
    module : tvm.IRModule
        The legalized module.
    graph : Graph
        Its operators.
    inputs, outputs : tuple of Interface
        Names and quantization of the module's parameters and results.
    target : Target
        What it will run on.
    """

    name: str
    imported: Imported
    sha256: str
    module: Any
    graph: Graph
    inputs: tuple[Interface, ...]
    outputs: tuple[Interface, ...]
    target: Target

    @property
    def model(self) -> Model:
        """The file's content."""
        return self.imported.model

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What was mended in the file, chosen of it and left out of it, in words for its user."""
        ports, _ = interface_of(self.module)
        turned = tuple(
            f"input {p.name} takes pixels (NHWC), {list(p.shape)}: the file's takes planes (NCHW)"
            for p in ports
            if p.axes is not None
        )
        turned += tuple(
            f"input {p.name} takes a picture, {list(p.shape)}: the file's takes {list(p.file_shape)}"
            for p in ports
            if p.file_shape is not None
        )
        lost = pruned_channels(self.module)
        if not lost:
            return (*self.model.notes, *turned)
        weighted = [op.outputs[0] for op in self.graph.operators if "weight" in op.constants]
        before, left = (sum(lost.get(t.name, 2 * t.shape[-1:])[i] for t in weighted) for i in (0, 1))
        note = f"left out {before - left} of {before} channels that are constant or never read"
        return (*self.model.notes, *turned, note)

    def describe(self, progress: Progress | None = None) -> tuple[list[Kernel], Network]:
        """Choose kernels and describe the network to the planner; the work is done once.

        Parameters
        ----------
        progress : callable, optional
            Called with what is being done and the fraction done.

        Raises
        ------
        UnsupportedError
            When an operator has no kernel.
        """
        if not self._described:
            try:
                kernels = choose_kernels(self.graph, self.target, progress)
                self._described.append((kernels, describe(self.graph, kernels, self.name, self.target)))
            except UnsupportedError as error:
                raise self.imported.located(error) from error
        return self._described[0]

    @cached_property
    def _described(self) -> list[tuple[list[Kernel], Network]]:
        return []

    def lower(
        self,
        schedule: Schedule | None = None,
        progress: Progress | None = None,
        input_mode: InputMode = "resident",
        tuned: TunedConfigs | None = None,
        sram: int | None = None,
    ) -> Program:
        """Generate the TIR of every segment.

        With a schedule kernels get the scratch that its arena has left over.  Without one the operators run one after
        another, inputs come in `input_mode`, and kernels get the scratch that makes them fast, as far as `sram` bytes
        of arena allow it.  `tuned` says which of their configs are fast.

        Raises
        ------
        UserError
            When the network's inputs cannot be had in `input_mode`.
        """
        kernels, network = self.describe()
        bought: Bought | None = None
        if schedule is None:
            layers = Schedule.of(network, layer_by_layer(network), input_mode)
            kernels, schedule, bought = layer_kernels(kernels, layers, tuned or TunedConfigs(), sram)
        else:
            kernels, schedule = fit_kernels(kernels, schedule, tuned or TunedConfigs())
        kernels, schedule = block_kernels(kernels, schedule)
        try:
            return replace(lower_program(self.graph, kernels, schedule, progress), bought=bought)
        except UnsupportedError as error:
            raise self.imported.located(error) from error


def read_source(source: Path | str | bytes) -> tuple[bytes, str]:
    """Return the bytes of a model and a default name for it.

    Raises
    ------
    UserError
        When the file cannot be read.
    """
    if isinstance(source, bytes | bytearray):
        return bytes(source), "model"
    path = Path(source)
    try:
        return path.read_bytes(), path.stem
    except IsADirectoryError as error:
        raise UserError(f"{path} is a folder; give a .tflite file") from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


def _interfaces(function: Any, key: str, tensors: Sequence[Tensor]) -> tuple[Interface, ...]:
    entries = json.loads(str(function.attrs[key]))
    return tuple(
        Interface(e.get("name") or t.name, float(e.get("scale") or 0.0), int(e.get("zero_point") or 0))
        for e, t in zip(entries, tensors, strict=True)
    )


def legalize(
    source: Path | str | bytes,
    name: str | None = None,
    io: BorderMode = "int8",
    signature: str | None = None,
    target: Target = HOST,
    prune: bool = True,
) -> Legalized:
    """Import and legalize a model.

    Parameters
    ----------
    source : path or bytes
        The .tflite file.
    name : str, optional
        Name for the generated code; made from the file name otherwise.
    io : {"int8", "float"}
        Whether QUANTIZE and DEQUANTIZE at the border are folded into an int8 interface.
    signature : str, optional
        Which of the file's signatures; its first subgraph otherwise.
    target : Target
        What it will run on; this machine unless told otherwise, as for :func:`tvm_patch.compile`.
    prune : bool
        Whether channels that are constant or unread leave the network; the bits are the same.

    Raises
    ------
    ModelFormatError, UnsupportedError
        When it cannot be compiled.
    """
    data, stem = read_source(source)
    if name is not None and (not name.isidentifier() or not name.isascii()):
        raise UserError(f"--name {name!r} is not a C identifier; use letters, digits and underscores")
    imported = import_tflite(data, signature)
    try:
        module = tvm.transform.Sequential([*legalization_passes(io, prune), OrderOperators(target)])(
            imported.module
        )
        main = module["main"]
        graph = graph_of(main)
    except UnsupportedError as error:
        raise imported.located(error) from error
    return Legalized(
        name or c_identifier(stem, "model").lower(),
        imported,
        hashlib.sha256(data).hexdigest(),
        module,
        graph,
        _interfaces(main, "tvm_patch.inputs", graph.inputs),
        _interfaces(main, "tvm_patch.outputs", graph.outputs),
        target,
    )


def model_borders(legalized: Legalized) -> tuple[list[ModelInputEntry], list[BorderEntry]]:
    """Return the model's inputs and outputs as the file has them."""
    model = legalized.model

    def border(index: int) -> BorderEntry:
        tensor = model.tensors[index]
        quantization = tensor.quantization
        # Some files have numbers on integers that are none of a quantized tensor.
        if quantization is None or tensor.dtype not in ("int8", "uint8"):
            return BorderEntry(name=tensor.name, dtype=tensor.dtype, scale=0.0, zero_point=0)
        return BorderEntry(
            name=tensor.name,
            dtype=tensor.dtype,
            scale=float(quantization.scale[0]),
            zero_point=int(quantization.zero_point[0]),
        )

    ports, _ = interface_of(legalized.module)
    inputs = [
        ModelInputEntry(**border(i).model_dump(), axes=port.axes, shape=port.file_shape)
        for i, port in zip(model.inputs, ports, strict=True)
    ]
    return inputs, [border(i) for i in model.outputs]
