"""FoldLayout: an input that comes as planes and is put into pixels becomes one that comes as pixels."""

from __future__ import annotations

from dataclasses import replace

import tvm
from tvm import relax

from relay_passes.interface import ports_of, record
from relay_passes.move_transposes import (
    PIXELS_OF_PLANES,
    PLANES_OF_PIXELS,
    Moved,
    movement_of,
    without_transposes,
)
from relay_passes.straight_line import StraightLine, dtype_of, replace_main, shape_of
from tvm_patch.border_mode import BorderMode
from tvm_patch.tvm_types import IRModule, PassContext


@tvm.ir.transform.module_pass(opt_level=0, name="FoldLayout")
class FoldLayout:
    """Let an NCHW input be NHWC where that leaves less to transpose, or fewer reshapes.

    A transpose needs the whole picture; cameras and decoders give pixels.  What lies between the input and its
    transpose must not mind; see :mod:`relay_passes.move_transposes`.  The record of the interface keeps the order of
    axes (:attr:`relay_passes.interface.Port.axes`).

    Parameters
    ----------
    io : {"int8", "float"}
        ``"float"``, the model's own interface, changes nothing.
    """

    def __init__(self, io: BorderMode = "int8") -> None:
        self.io = io

    def transform_module(self, module: IRModule, context: PassContext) -> IRModule:
        """Return the module with the layout of its inputs folded."""
        line = StraightLine.main_of(module)
        if self.io == "float" or movement_of(line) == (0, 0):
            return module
        function = None
        for i, param in enumerate(line.params):
            if len(shape_of(param)) != 4 or shape_of(param)[0] != 1 or param in line.outputs:
                continue
            shape = tuple(shape_of(param)[a] for a in PIXELS_OF_PLANES)
            pixels = relax.Var(param.name, relax.TensorType(list(shape), dtype_of(param)))
            inputs, outputs = ports_of(line)
            inputs[i] = replace(inputs[i], shape=shape, axes=PIXELS_OF_PLANES)
            recorded = replace(line, attrs=record(line.attrs, inputs, outputs))
            tried = without_transposes(recorded, {param: Moved(pixels, PLANES_OF_PIXELS)})
            if movement_of(StraightLine.of(tried)) < movement_of(line):
                line, function = StraightLine.of(tried), tried
        return module if function is None else replace_main(module, function)
