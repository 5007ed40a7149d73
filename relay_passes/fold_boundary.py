"""FoldBoundary: QUANTIZE at inputs and DEQUANTIZE at outputs leave the network; the interface becomes int8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import tvm
from tvm import relax

from relay_passes.dialect import is_dialect_call
from relay_passes.interface import GRIDS, OriginalPort, Port, load_grids, ports_of, record
from relay_passes.rewriting import rewrite
from relay_passes.straight_line import StraightLine, constant_value, dtype_of, replace_main, shape_of
from tvm_patch.border_mode import BorderMode
from tvm_patch.tvm_types import Expr, IRModule, PassContext, Var

Grid = tuple[float, int]


@tvm.ir.transform.module_pass(opt_level=0, name="FoldBoundary")
class FoldBoundary:
    """Make the interface int8, or leave it as the model has it.

    With ``io="int8"``, an input that is only quantized (from float32) or shifted (from uint8) becomes the int8
    tensor behind that operator, and an output that is dequantized or shifted to uint8 becomes the int8 tensor in
    front of it.  Inputs and outputs behind anything else, such as a transpose of floats, stay as they are.  The
    record of the interface keeps what they were (:class:`relay_passes.interface.Port`).

    Parameters
    ----------
    io : {"int8", "float"}
        ``"float"`` changes nothing.
    """

    def __init__(self, io: BorderMode = "int8") -> None:
        if io not in ("int8", "float"):
            raise ValueError(f"io must be 'int8' or 'float', not {io!r}")
        self.io = io

    def transform_module(self, module: IRModule, context: PassContext) -> IRModule:
        """Return the module with its interface folded."""
        if self.io == "float":
            return module
        line = StraightLine.main_of(module)
        inputs, outputs = ports_of(line)
        grids = load_grids(str(line.attrs.get(GRIDS, "{}")))
        replaced, inputs = _fold_inputs(line, inputs, grids)
        outputs = _fold_outputs(line, outputs, grids)
        line.params = [replaced.get(p, p) for p in line.params]
        line.attrs = record(line.attrs, inputs, outputs)
        gone = {
            reader: replaced[p]
            for p, readers in line.consumers().items()
            if p in replaced
            for reader in readers
        }
        return replace_main(module, rewrite(line, lambda var, value, new: gone.get(var)))


def _fold_inputs(
    line: StraightLine, ports: Sequence[Port], grids: dict[str, Grid]
) -> tuple[dict[Var, Expr], list[Port]]:
    """Return the int8 parameter for each one that can be folded, and the new record."""
    consumers, replaced, folded = line.consumers(), dict[Var, Expr](), []
    for param, port in zip(line.params, ports, strict=True):
        readers = consumers.get(param, [])
        grid = _input_grid([line.values[r] for r in readers], [r.name for r in readers], grids)
        # A reader that is an output must stay a binding of its own.
        if grid is None or param in line.outputs or any(r in line.outputs for r in readers):
            folded.append(port)
            continue
        replaced[param] = relax.Var(param.name, relax.TensorType(list(shape_of(param)), "int8"))
        folded.append(_folded(port, grid))
    return replaced, folded


def _input_grid(readers: Sequence[Expr], names: Sequence[str], grids: dict[str, Grid]) -> Grid | None:
    """Return the int8 grid that all `readers` of an input make alike, or None."""
    if not readers or any(dtype_of(r) != "int8" for r in readers):
        return None
    if all(is_dialect_call(r, "quantize") for r in readers):
        made = {(float(r.attrs["scale"]), int(r.attrs["zero_point"])) for r in readers}
        return made.pop() if len(made) == 1 else None
    if all(_is_requantize(r, "uint8") for r in readers):
        tables = {constant_value(r.args[1]).tobytes() for r in readers}
        return grids.get(names[0]) if len(tables) == 1 else None
    return None


def _fold_outputs(line: StraightLine, ports: Sequence[Port], grids: dict[str, Grid]) -> list[Port]:
    """Let outputs of `line` skip their border operator; return the new record."""
    folded = []
    for i, (out, port) in enumerate(zip(line.outputs, ports, strict=True)):
        value = line.definition(out)
        grid = None
        if is_dialect_call(value, "dequantize") and dtype_of(value.args[0]) == "int8":
            grid = (float(value.attrs["scale"]), int(value.attrs["zero_point"]))
        elif _is_requantize(value, "int8") and dtype_of(value) == "uint8":
            grid = grids.get(str(line.resolve(value.args[0]).name))
        # What the border operator reads must be made inside: an input cannot be handed out as it is.
        source = line.resolve(value.args[0]) if grid is not None else None
        if grid is None or source in line.params or not isinstance(source, relax.Var):
            folded.append(port)
            continue
        line.outputs[i] = source
        folded.append(_folded(port, grid))
    return folded


def _is_requantize(value: Expr, source: str) -> bool:
    return (
        is_dialect_call(value, "lookup")
        and str(value.attrs["origin"]) == "quantize"
        and dtype_of(value.args[0]) == source
    )


def _folded(port: Port, grid: Grid) -> Port:
    original = OriginalPort(port.dtype, port.scale, port.zero_point)
    scale, zero_point = float(np.float32(grid[0])), int(grid[1])
    return replace(port, dtype="int8", scale=scale, zero_point=zero_point, original=port.original or original)
