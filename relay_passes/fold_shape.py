"""FoldShape: an input that is reshaped to a picture at once becomes one that comes as the picture."""

from __future__ import annotations

from dataclasses import replace

import tvm
from tvm import relax

from relay_passes.interface import ports_of, record
from relay_passes.rewriting import rewrite
from relay_passes.straight_line import StraightLine, dtype_of, op_name, replace_main, shape_of
from tvm_patch.border_mode import BorderMode
from tvm_patch.tvm_types import Expr, IRModule, PassContext, Var

_PICTURE = 4


@tvm.ir.transform.module_pass(opt_level=0, name="FoldShape")
class FoldShape:
    """Let an input of other dimensions be the picture of several rows that all of its readers reshape it to.

    Keyword spotters take a vector of all their features and networks from elsewhere pictures without a batch.  The
    bytes are the same; as a picture their rows can be fetched.  The record of the interface keeps what shape the file
    has (:attr:`relay_passes.interface.Port.file_shape`).

    Parameters
    ----------
    io : {"int8", "float"}
        ``"float"``, the model's own interface, changes nothing.
    """

    def __init__(self, io: BorderMode = "int8") -> None:
        self.io = io

    def transform_module(self, module: IRModule, context: PassContext) -> IRModule:
        """Return the module with the shapes of its inputs folded."""
        if self.io == "float":
            return module
        line = StraightLine.main_of(module)
        consumers, (inputs, outputs) = line.consumers(), ports_of(line)
        gone: dict[Var, Var] = {}
        for i, param in enumerate(line.params):
            readers = consumers.get(param, [])
            shape = _picture_of(line, param, readers)
            if shape is not None:
                picture = relax.Var(param.name, relax.TensorType(list(shape), dtype_of(param)))
                inputs[i] = replace(inputs[i], shape=shape, file_shape=shape_of(param))
                line.params[i] = picture
                gone |= dict.fromkeys(readers, picture)
        if not gone:
            return module
        line.attrs = record(line.attrs, inputs, outputs)

        def change(var: Var, value: Expr, new: dict[Var, Expr]) -> Expr | None:
            return gone.get(var)

        return replace_main(module, rewrite(line, change))


def _picture_of(line: StraightLine, param: Var, readers: list[Var]) -> tuple[int, ...] | None:
    """Return the shape to which all readers of an input reshape it, None where that is no picture of several rows."""
    shapes = {shape_of(line.values[r]) for r in readers if op_name(line.values[r]) == "relax.reshape"}
    reshaped = readers and all(op_name(line.values[r]) == "relax.reshape" for r in readers)
    if not reshaped or len(shapes) != 1 or {param, *readers} & set(line.outputs):
        return None
    (shape,) = shapes
    picture = len(shape_of(param)) != _PICTURE == len(shape) and shape[0] == 1 and shape[1] > 1
    return shape if picture else None
