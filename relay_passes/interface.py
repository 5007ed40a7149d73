"""The record of a network's inputs and outputs, kept as two attributes of ``main``.

``tvm_patch.inputs`` and ``tvm_patch.outputs`` hold JSON lists, one entry a tensor in order.  Passes that change the
interface (:mod:`relay_passes.fold_boundary` and its neighbours) keep what the tensor was in the model
under ``original``, ``axes`` and ``file_shape``, so that a checker can convert between the two.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from relay_passes.constants import ConstantFolder
from relay_passes.straight_line import StraightLine, dtype_of, op_name, operands, shape_of
from tvm_patch.tvm_types import Expr, IRModule, Var

INPUTS = "tvm_patch.inputs"
OUTPUTS = "tvm_patch.outputs"
GRIDS = "tvm_patch.grids"
"""Scale and zero point of quantized tensors by name, as JSON: ``{name: [scale, zero_point]}``."""


@dataclass(frozen=True)
class OriginalPort:
    """What an input or output was in the model, before its border operator was folded away.

    A float tensor has scale 0.
    """

    dtype: str
    scale: float
    zero_point: int


@dataclass(frozen=True)
class Port:
    """One input or output.

    Attributes
    ----------
    name : str
        A C identifier.
    dtype : str
    shape : tuple of int
    scale : float
        float32, 0 where the tensor is not quantized.
    zero_point : int
    tflite_name : str
        Name in the model file; empty when the module did not come from our frontend.
    original : OriginalPort or None
        Set when the interface differs from the model's.
    axes : tuple of int or None
        Axes of the model's tensor in the order in which this one has them; None where that is the same.
    file_shape : tuple of int or None
        The shape of the model's tensor, where it has other dimensions.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    scale: float = 0.0
    zero_point: int = 0
    tflite_name: str = ""
    original: OriginalPort | None = None
    axes: tuple[int, ...] | None = None
    file_shape: tuple[int, ...] | None = None


def dump_ports(ports: Sequence[Port]) -> str:
    """Return the attribute's text."""
    return json.dumps([asdict(p) for p in ports])


def load_ports(text: str) -> list[Port]:
    """Return the ports that :func:`dump_ports` wrote."""
    ports = []
    for entry in json.loads(text):
        original = OriginalPort(**entry.pop("original")) if entry["original"] else entry.pop("original")
        # JSON has no tuples.
        shapes = {k: None if entry[k] is None else tuple(entry[k]) for k in ("shape", "axes", "file_shape")}
        ports.append(Port(**{**entry, **shapes}, original=original))
    return ports


def dump_grids(grids: Mapping[str, tuple[float, int]]) -> str:
    """Return the text of the attribute :data:`GRIDS`."""
    return json.dumps(grids)


def load_grids(text: str) -> dict[str, tuple[float, int]]:
    """Return the grids that :func:`dump_grids` wrote."""
    return {name: (float(scale), int(zero_point)) for name, (scale, zero_point) in json.loads(text).items()}


def interface_of(module: IRModule) -> tuple[list[Port], list[Port]]:
    """Return inputs and outputs of ``main``: as recorded, or derived for modules from elsewhere."""
    line = StraightLine.main_of(module)
    return ports_of(line)


def ports_of(line: StraightLine) -> tuple[list[Port], list[Port]]:
    """Return inputs and outputs of a function; see :func:`interface_of`."""
    if INPUTS in line.attrs and OUTPUTS in line.attrs:
        return load_ports(str(line.attrs[INPUTS])), load_ports(str(line.attrs[OUTPUTS]))
    folder = ConstantFolder(line, lambda e: e)
    consumers = line.consumers()
    inputs = [_port(p.name, p, _grid_after(p, line, folder, consumers)) for p in line.params]
    outputs = [
        _port(_output_name(o, i), o, _grid_before(o, line, folder)) for i, o in enumerate(line.outputs)
    ]
    return inputs, outputs


def record(attrs: Mapping[str, Any], inputs: Sequence[Port], outputs: Sequence[Port]) -> dict[str, Any]:
    """Return `attrs` with the interface recorded in it."""
    return {**attrs, INPUTS: dump_ports(inputs), OUTPUTS: dump_ports(outputs)}


def _output_name(expr: Expr, index: int) -> str:
    return str(getattr(expr, "name", f"output_{index}"))


def _port(name: str, expr: Expr, grid: tuple[float, int]) -> Port:
    return Port(name, dtype_of(expr), shape_of(expr), *grid)


def _grid_after(
    param: Var, line: StraightLine, folder: ConstantFolder, consumers: Mapping[Var, Sequence[Var]]
) -> tuple[float, int]:
    """Return the grid under which the first dequantize reads `param` (movement and pools keep it)."""
    queue, seen = [param], set()
    while queue:
        var = queue.pop(0)
        if var in seen or dtype_of(var).startswith("float"):
            continue
        seen.add(var)
        for reader in consumers.get(var, ()):
            if op_name(line.values[reader]) == "relax.dequantize":
                params = folder.params_of(line.values[reader])
                if params is not None:
                    return params.scale, params.zero_point
            queue.append(reader)
    return 0.0, 0


def _grid_before(output: Expr, line: StraightLine, folder: ConstantFolder) -> tuple[float, int]:
    """Return the grid that `output` has: of the quantize that made it, or of what was moved or pooled."""
    while True:
        value = line.definition(output)
        if dtype_of(value).startswith("float") or not op_name(value):
            break
        if op_name(value) == "relax.quantize":
            params = folder.params_of(value)
            return (params.scale, params.zero_point) if params is not None else (0.0, 0)
        output = next(iter(operands(value)))
    if value in line.params and not dtype_of(value).startswith("float"):
        return _grid_after(value, line, folder, line.consumers())
    return 0.0, 0
