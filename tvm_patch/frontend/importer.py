"""import_tflite: .tflite → Relax in QDQ form, checked and named."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from relay_passes.interface import Port, record
from relay_passes.straight_line import replace_main
from tvm_patch.errors import InternalError, PatchError, UnsupportedError
from tvm_patch.frontend.canonical import Canonical, canonicalize
from tvm_patch.frontend.checks import check_kinds, check_operators, check_types
from tvm_patch.tflite.model import Model, Tensor, quoted
from tvm_patch.tflite.reader import read_model
from tvm_patch.tflite.writer import write_model


@dataclass(frozen=True)
class Imported:
    """An imported network.

    Attributes
    ----------
    module : tvm.IRModule
        ``main`` in QDQ form, every binding of a TFLite operator named after the tensor it makes.
    model : Model
        The model as read.
    canonical : Model
        The model that was converted; its tensor names are the names in `module`.
    sources : mapping of str to int
        Index in `model` of every tensor of `canonical` that comes from there, by name.
    """

    module: Any
    model: Model
    canonical: Model
    sources: Mapping[str, int]

    def located(self, error: UnsupportedError) -> UnsupportedError:
        """Return an error of a later stage, which names a binding, with the operator that the binding came from."""
        # TVM passes exceptions of its passes through C, which keeps their class and text only.
        binding, _, text = str(error).removeprefix("binding ").partition(": ")
        for op in self.canonical.operators:
            if binding in (self.canonical.tensors[i].name for i in op.outputs):
                index = self.sources.get(binding)
                name = binding if index is None else self.model.tensors[index].name
                return UnsupportedError(text, f"{op.where} making tensor {quoted(name)}")
        return error


def import_tflite(source: bytes | Path, signature: str | None = None) -> Imported:
    """Read, check and convert a TFLite network.

    Parameters
    ----------
    source : bytes or Path
        The file's content, or where it is.
    signature : str, optional
        Which of the file's signatures; its first subgraph otherwise.

    Raises
    ------
    ModelFormatError
        When the file cannot be read.
    UnsupportedError
        When the network is well formed but cannot be compiled; it names operator, tensor and way out.
    """
    model = read_model(source, signature)
    check_kinds(model)
    check_types(model)
    canonical = canonicalize(model)
    check_operators(canonical.model)
    return Imported(_convert(canonical, model), model, canonical.model, canonical.sources)


def _convert(canonical: Canonical, model: Model) -> Any:
    # TVM and the schema's accessors take a second to import; bad models are refused without them.
    import tflite
    from tvm.relax.frontend.tflite import from_tflite

    from tvm_patch.frontend.converter import PatchOperatorConverter

    flat = tflite.Model.GetRootAsModel(write_model(canonical.model), 0)
    try:
        module = from_tflite(
            flat, op_converter=functools.partial(PatchOperatorConverter, canonical=canonical.model)
        )
    except PatchError:
        raise
    except Exception as error:
        # The checks refuse everything the frontend cannot take, so this is a hole in them.
        raise InternalError(f"TVM's frontend failed on a model that passed our checks: {error}") from error
    main = module["main"]
    attrs = {k: v for k, v in dict(main.attrs).items() if k != "params"} if main.attrs else {}
    inputs = [_port(canonical, model, i) for i in canonical.model.inputs]
    outputs = [_port(canonical, model, i) for i in canonical.model.outputs]
    main = main.without_attr("params") if "params" in main.attrs else main
    return replace_main(module, main.with_attrs(record(attrs, inputs, outputs)))


def _port(canonical: Canonical, model: Model, index: int) -> Port:
    tensor: Tensor = canonical.model.tensors[index]
    q = tensor.quantization
    quantized = q is not None and tensor.dtype in ("int8", "uint8") and not q.per_channel
    scale, zero_point = (float(np.float32(q.scale[0])), int(q.zero_point[0])) if q and quantized else (0.0, 0)
    name = model.tensors[canonical.sources[tensor.name]].name
    return Port(tensor.name, tensor.dtype, tensor.shape, scale, zero_point, name)
