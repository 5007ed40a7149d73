"""Single bindings of an edited network: other grids, other windows, weights of zero."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tvm import relax

from relay_passes.edits import Axis, resized_kernel
from relay_passes.legalize.weighted import four_paddings
from relay_passes.quant_graph import QuantGraph
from relay_passes.straight_line import (
    FunctionBuilder,
    constant,
    dtype_of,
    op_name,
    operands,
    shape_of,
    with_operands,
)
from tvm_patch.errors import UnsupportedError

Expr = Any
Var = Any
Grid = tuple[float, int]
"""Scale and zero point."""

_LINEAR = ("relax.nn.conv2d", "relax.matmul", "relax.nn.conv2d_transpose")
# What hands on integers as they are, so that what it makes has the grid of what it reads.
_KEEP_GRID = frozenset(
    ("relax.reshape", "relax.permute_dims", "relax.astype", "relax.nn.max_pool2d", "relax.nn.avg_pool2d")
)


@dataclass
class Scope:
    """Where bindings are written: once for the network, and once for every copy of a block.

    Attributes
    ----------
    new : dict
        What stands for a variable of the old function.
    grids : dict
        Variables whose integers mean something else than their readers in the old function say.
    zero : relax.Var or None
        The convolution whose weights and bias become zero.
    sums : dict
        Quantize bindings that make another grid.
    outputs : set
        Variables whose new value the function returns.
    """

    new: dict[Var, Expr] = field(default_factory=dict)
    grids: dict[Var, Grid] = field(default_factory=dict)
    zero: Var | None = None
    sums: dict[Var, Grid] = field(default_factory=dict)
    outputs: set[Var] = field(default_factory=set)


class BindingWriter:
    """Writes bindings of one function, with what the edits change about them.

    Parameters
    ----------
    graph : QuantGraph
        Of the old function.
    kernels : mapping
        New size of the window of convolutions, by their binding.
    """

    def __init__(self, graph: QuantGraph, kernels: Mapping[Var, tuple[int, int]]) -> None:
        self.graph, self.line, self.folder, self.kernels = graph, graph.line, graph.folder, kernels
        self.out = FunctionBuilder(self.line.params, self.line.attrs)

    def current(self, expr: Expr, scope: Scope) -> Expr:
        """Return what stands for an operand of the old function."""
        source = self.line.resolve(expr)
        return scope.new.get(source, scope.new.get(expr, source))

    def grid_of(self, call: Expr) -> Grid:
        """Return scale and zero point of a quantize or dequantize of activations."""
        params = self.folder.params_of(call)
        if params is None:
            raise UnsupportedError(
                "activations quantized per channel", way_out="quantize activations per tensor"
            )
        return params.scale, params.zero_point

    def write(self, var: Var, value: Expr, scope: Scope) -> None:
        """Write the binding of `var` to `value`."""
        kind = op_name(value)
        if kind == "relax.dequantize" and self.line.resolve(value.args[0]) in scope.grids:
            made = self._dequantize(value.args[0], scope)
        elif kind == "relax.nn.conv2d" and (var in self.kernels or var == scope.zero):
            made = self._convolution(var, value, scope)
        elif kind == "relax.add" and (bias := self._bias(var, value, scope)) is not None:
            made = bias
        elif kind == "relax.quantize" and var in scope.sums:
            made = self._sum(var, value, scope)
        else:
            made = with_operands(value, lambda e: self.current(e, scope))
            if dtype_of(var) not in ("", "float32"):
                made = self._integers(var, value, made, scope)
        output = var in (scope.outputs if scope.sums else self.graph.outputs)
        scope.new[var] = self.out.emit(made, str(var.name), output)

    # ------------------------------------------------------------------ grids

    def _dequantize(self, data: Expr, scope: Scope, grid: Grid | None = None) -> Expr:
        scale, zero_point = grid or scope.grids[self.line.resolve(data)]
        return relax.op.dequantize(self.current(data, scope), *_literals(scale, zero_point), axis=0)

    def _integers(self, var: Var, value: Expr, made: Expr, scope: Scope) -> Expr:
        """Hand a changed grid on through an operator on integers."""
        changed = [s for o in operands(value) if (s := self.line.resolve(o)) in scope.grids]
        if not changed or op_name(value) == "relax.quantize":
            return made
        grid = scope.grids[changed[0]]
        if op_name(value) == "relax.nn.pad":
            scope.grids[var] = grid
            attrs = value.attrs
            width = [int(p) for p in attrs.pad_width]
            return relax.op.nn.pad(
                made.args[0], width, pad_mode=str(attrs.pad_mode), pad_value=float(grid[1])
            )
        if op_name(value) not in _KEEP_GRID or var in self.graph.outputs:
            raise UnsupportedError(
                "it depends on the scale of a block that is removed or put in front of it",
                f"binding {var.name}",
                "move another block",
            )
        scope.grids[var] = grid
        return made

    def _sum(self, var: Var, value: Expr, scope: Scope) -> Expr:
        """Write the quantize of a copied block's addition, which makes the grid of the block's input."""
        grid = scope.sums[var]
        if self.graph.clamp_of(var) is not None and grid != self.grid_of(value):
            raise UnsupportedError(
                "a block with an activation after its addition fits no tensor of another scale",
                f"binding {var.name}",
                "insert it directly behind the block that it copies",
            )
        data = self.current(value.args[0], scope)
        return relax.op.quantize(data, *_literals(*grid), axis=0, out_dtype=dtype_of(var))

    # ------------------------------------------------------------------ weights

    def _linear_of(self, value: Expr) -> tuple[Expr, Var, Expr] | None:
        """Return convolution or matmul, its binding, and the bias of ``linear + bias``; None for another sum."""
        for linear, bias in ((value.args[0], value.args[1]), (value.args[1], value.args[0])):
            call = self.line.definition(linear)
            if op_name(call) in _LINEAR and self.folder.quant_constant(bias) is not None:
                return call, self.line.resolve(linear), bias
        return None

    def _bias(self, var: Var, value: Expr, scope: Scope) -> Expr | None:
        """Return ``linear + bias`` with the bias that belongs to other grids or to weights of zero, or None."""
        found = self._linear_of(value)
        if found is None:
            return None
        call, linear, bias = found
        data = self.line.definition(call.args[0])
        literal, weight = self.folder.quant_constant(bias), self.folder.quant_constant(call.args[1])
        if op_name(data) != "relax.dequantize" or literal is None or weight is None:
            return None
        grid = scope.grids.get(self.line.resolve(data.args[0]))
        if grid is None and linear != scope.zero:
            return None
        old = self.grid_of(data)[0]
        scale = grid[0] if grid is not None else old
        # The kernels take a bias in units of input scale × weight scale whatever the file says of it.
        values = np.rint(literal.value * (old / scale))
        values = np.zeros_like(values) if linear == scope.zero else values
        limits = np.iinfo(np.int32)
        made = relax.op.dequantize(
            constant(values.clip(limits.min, limits.max).astype(np.int32)),
            _scales(weight.scales * np.float32(scale)),
            relax.const(0, "int32"),
            axis=0,
        )
        return relax.op.add(self.current(linear, scope), self.out.emit(made, f"{var.name}_bias"))

    def _convolution(self, var: Var, value: Expr, scope: Scope) -> Expr:
        """Write a convolution with another window, or with weights of zero."""
        attrs = value.attrs
        layout, literal = str(attrs.kernel_layout), self.folder.quant_constant(value.args[1])
        if layout not in ("HWIO", "HWOI") or str(attrs.data_layout) != "NHWC" or literal is None:
            raise UnsupportedError(
                f"a convolution with weights in layout {layout} that are not constant or not NHWC",
                f"binding {var.name}",
                "import the network with tvm_patch.frontend.import_tflite",
            )
        data, padding, weight = (
            self.current(value.args[0], scope),
            four_paddings(attrs.padding),
            literal.value,
        )
        if var in self.kernels:
            size = self.kernels[var]
            data, padding = self._window(var, value, size, scope)
            try:
                weight = resized_kernel(weight, size)
            except UnsupportedError as error:
                raise error.at(f"binding {var.name}") from error
        if var == scope.zero:
            weight = np.zeros_like(weight)
        return relax.op.nn.conv2d(
            data,
            self._weights(weight, literal.scales, literal.zero_point, layout, str(var.name)),
            strides=[int(s) for s in attrs.strides],
            padding=padding,
            dilation=[int(d) for d in attrs.dilation],
            groups=int(attrs.groups),
            data_layout="NHWC",
            kernel_layout=layout,
            out_layout=str(attrs.out_layout),
        )

    def _weights(
        self, weight: np.ndarray, scales: np.ndarray, zero_point: int, layout: str, name: str
    ) -> Var:
        """Write weights as the TFLite frontend does: one scale, or one for every output channel."""
        stored, axis = weight, 3
        if layout == "HWOI":  # TFLite keeps the weights of a depthwise convolution as 1HWC
            stored = weight.reshape(1, *weight.shape[:2], -1)
        literal = relax.const(zero_point, "int32")
        made = self.out.emit(
            relax.op.dequantize(constant(stored), _scales(scales), literal, axis=axis), f"{name}_weight"
        )
        if layout == "HWOI":
            made = self.out.emit(relax.op.reshape(made, list(weight.shape)), f"{name}_weight")
        return made

    def _window(self, var: Var, value: Expr, size: tuple[int, int], scope: Scope) -> tuple[Expr, list[int]]:
        """Return data and padding of a convolution whose window becomes `size`.

        A pad in front of it counts as its padding and is left out: only so can padding shrink.
        """
        attrs, old = value.attrs, self.folder.quant_constant(value.args[1])
        padding = four_paddings(attrs.padding)
        data, source = self.current(value.args[0], scope), value.args[0]
        dequantize = self.line.definition(source)
        height, width = shape_of(value.args[0])[1:3]
        if op_name(dequantize) == "relax.dequantize":
            pad, grid = self.line.definition(dequantize.args[0]), self.grid_of(dequantize)
            borders = _borders(pad, grid[1])
            if borders is not None:
                inner = self.line.resolve(pad.args[0])
                made = self._dequantize(pad.args[0], scope, scope.grids.get(inner, grid))
                data = self.out.emit(made, f"{var.name}_data")
                padding = [p + b for p, b in zip(padding, borders, strict=True)]
                height, width = shape_of(pad.args[0])[1:3]
        assert old is not None, "checked before"
        made_shape = shape_of(var)[1:3]
        axes = [
            Axis(
                int(old.value.shape[k]),
                int(attrs.strides[k]),
                int(attrs.dilation[k]),
                padding[k],
                padding[k + 2],
                (height, width)[k],
                made_shape[k],
            ).resized(size[k])
            for k in (0, 1)
        ]
        return data, [axes[0][0], axes[1][0], axes[0][1], axes[1][1]]


def _borders(pad: Expr, zero_point: int) -> tuple[int, int, int, int] | None:
    """Return (top, left, bottom, right) of a pad of rows and columns with the zero point, or None."""
    if op_name(pad) != "relax.nn.pad" or str(pad.attrs.pad_mode) != "constant":
        return None
    width = [int(p) for p in pad.attrs.pad_width]
    if float(pad.attrs.pad_value) != zero_point or len(width) != 8 or any(width[:2] + width[6:]):
        return None
    return width[2], width[4], width[3], width[5]


def _literals(scale: float, zero_point: int) -> tuple[Expr, Expr]:
    return relax.const(np.float32(scale), "float32"), relax.const(zero_point, "int32")


def _scales(values: np.ndarray) -> Expr:
    """Return scales as a literal: a scalar where there is one for all."""
    values = values.astype(np.float32)
    return relax.const(values[0], "float32") if values.size == 1 else constant(values)
