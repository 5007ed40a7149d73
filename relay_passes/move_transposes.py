"""MoveTransposes: transposes move behind what does not mind them, until they meet what undoes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import tvm
from tvm import relax

from relay_passes.broadcast_repeats import BROADCASTING
from relay_passes.dialect import MOVES, build_call, op_def
from relay_passes.dialect.movement import sources
from relay_passes.straight_line import (
    FunctionBuilder,
    StraightLine,
    constant,
    constant_value,
    dtype_of,
    is_constant,
    op_name,
    replace_main,
    shape_of,
    with_operands,
)
from tvm_patch.graph import ITEM_BYTES
from tvm_patch.tvm_types import Expr, IRModule, PassContext, RelaxFunction, Var

Axes = tuple[int, ...]
PIXELS_OF_PLANES = (0, 2, 3, 1)
"""Axes of NCHW in the order of NHWC."""
PLANES_OF_PIXELS = (0, 3, 1, 2)
"""Axes of NHWC in the order of NCHW."""
Found = tuple[Expr, Axes | None] | None
"""A new expression and the axes that its own are in the old one's order; no axes where that is the same order."""


@tvm.ir.transform.module_pass(opt_level=0, name="MoveTransposes")
class MoveTransposes:
    """Move transposes towards the outputs, where fewer bytes are transposed in the end.

    Converters of networks whose tensors are NCHW put transposes around every operator that is NHWC.  What is between
    two of them does not mind the order of axes, or takes it as an attribute: element-wise operators, lookups,
    concatenations, paddings, slices, means and maxima over axes.  FULLY_CONNECTED takes the order into its weights.
    """

    def transform_module(self, module: IRModule, context: PassContext) -> IRModule:
        """Return the module in which as little is transposed as this finds."""
        line = StraightLine.main_of(module)
        before = movement_of(line)
        if not before[0]:
            return module
        moved = without_transposes(line, {})
        return replace_main(module, moved) if movement_of(StraightLine.of(moved))[0] < before[0] else module


def without_transposes(line: StraightLine, given: Mapping[Var, Moved]) -> RelaxFunction:
    """Return a function anew, each transpose held back until somebody needs what it makes.

    Parameters
    ----------
    line : StraightLine
    given : mapping of Var to Moved
        Parameters in another order of axes than the function has them.
    """
    return _Mover(line, given).run()


def movement_of(line: StraightLine) -> tuple[int, int]:
    """Return the bytes of all tensors that are transposed for good, and how many are transposed or renamed."""
    moves = [v for _, v in line.bindings if op_name(v) in ("relax.permute_dims", "relax.reshape")]
    turns = [v for v in moves if op_name(v) == "relax.permute_dims"]
    real = [v for v in turns if not only_renames(shape_of(v.args[0]), axes_of(v))]
    return sum(prod(shape_of(v)) * ITEM_BYTES[dtype_of(v)] for v in real), len(moves)


def only_renames(shape: Sequence[int], axes: Axes) -> bool:
    """Tell whether a transpose of a tensor of `shape` moves dimensions of 1 only, so that it is a reshape."""
    real = [a for a in axes if shape[a] != 1]
    return real == sorted(real)


def axes_of(transpose: Expr) -> Axes:
    """Return the axes of a ``permute_dims``, none of them negative."""
    rank, axes = len(shape_of(transpose.args[0])), transpose.attrs.axes
    return tuple(int(a) % rank for a in axes) if axes is not None else tuple(range(rank))[::-1]


def inverse(axes: Axes) -> Axes:
    """Return the axes that undo a transpose."""
    return tuple(int(i) for i in np.argsort(axes))


@dataclass(frozen=True)
class Moved:
    """A tensor whose axis k is axis ``axes[k]`` of `source`."""

    source: Expr
    axes: Axes

    def seen(self, axes: Axes) -> Expr:
        """Return `source` with its axes in another order."""
        shape = shape_of(self.source)
        if axes == tuple(range(len(shape))):
            return self.source
        if only_renames(shape, axes):
            return relax.op.reshape(self.source, [shape[a] for a in axes])
        return relax.op.permute_dims(self.source, list(axes))


class _Mover:
    """Writes a function anew; see :func:`without_transposes`."""

    def __init__(self, line: StraightLine, given: Mapping[Var, Moved]) -> None:
        params = [given[p].source if p in given else p for p in line.params]
        self.line, self.builder = line, FunctionBuilder(params, line.attrs)
        self.results = set(line.outputs)
        self.held: dict[Var, Moved] = dict(given)
        self.made: dict[Var, Expr] = {}

    def run(self) -> RelaxFunction:
        """Return the new function."""
        for var, value in self.line.bindings:
            if self.line.resolve(var) is var or self.line.resolve(var) == var:
                self._bind(var, value)
        return self.builder.finish([self.as_is(o) for o in self.line.outputs], self.line.returns_tuple)

    def _bind(self, var: Var, value: Expr) -> None:
        found = self._moved(value)
        source, axes = (with_operands(value, self.as_is), None) if found is None else found
        known = isinstance(source, relax.Var)
        if axes is not None:
            self.held[var] = Moved(source if known else self.builder.emit(source, var.name), axes)
        elif known and var not in self.results:
            self.made[var] = source
        else:  # a result has a binding of its own, which a reshape of nothing makes
            self.made[var] = self._emit(
                relax.op.reshape(source, list(shape_of(var))) if known else source, var
            )

    def _emit(self, value: Expr, var: Var) -> Expr:
        return self.builder.emit(value, var.name, var in self.results)

    def as_is(self, expr: Expr) -> Expr:
        """Return the new expression of an old one, in the old order of axes."""
        source = self.line.resolve(expr)
        if source in self.held and source not in self.made:
            held = self.held[source]
            self.made[source] = self._emit(held.seen(held.axes), source)
        return self.made.get(source, source)

    def _known(self, expr: Expr) -> Moved | None:
        """Return what an operand waits to be transposed from; None where it does not, or is made already."""
        source = self.line.resolve(expr)
        return None if source in self.made else self.held.get(source)

    def _moved(self, value: Expr) -> Found:
        """Return a call without transposes in front, None where it needs its operands as they were."""
        name = op_name(value).rpartition(".")[2]
        if name == "permute_dims":
            known, axes = self._known(value.args[0]), axes_of(value)
            if known is None:
                return self.as_is(value.args[0]), axes
            joined = tuple(known.axes[a] for a in axes)
            return known.source, None if joined == tuple(range(len(joined))) else joined
        rule = _RULES.get(name)
        if rule is None or not (op_def(value) is not None or name in MOVES):
            return None
        return rule(self, value)

    # -- rules

    def elementwise(self, value: Expr) -> Found:
        """Let operands that broadcast against each other follow the first that waits."""
        axes = next((k.axes for a in value.args if (k := self._known(a)) is not None), None)
        if axes is None or len(axes) != len(shape_of(value)):
            return None
        operands = [self._aligned(a, axes) for a in value.args]
        return None if any(o is None for o in operands) else (_again(value, operands), axes)

    def _aligned(self, expr: Expr, axes: Axes) -> Expr | None:
        """Return an operand in the order in which `axes` bring it to the old one, None where that moves data."""
        source, rank = self.line.resolve(expr), len(axes)
        if is_constant(source):
            array = constant_value(source)
            if array.size == 1:
                return source
            array = array.reshape((1,) * (rank - array.ndim) + array.shape)
            return constant(np.ascontiguousarray(array.transpose(inverse(axes))))
        shape = shape_of(source)
        if len(shape) != rank:
            return None
        known = self._known(source) or Moved(self.as_is(source), tuple(range(rank)))
        order = tuple(known.axes[i] for i in inverse(axes))
        if not only_renames(shape_of(known.source), order):
            return None
        seen = known.seen(order)
        return self.builder.emit(seen, str(source.name)) if isinstance(seen, relax.Call) else seen

    def pointwise(self, value: Expr) -> Found:
        """Take elements of the first operand one by one."""
        known = self._known(value.args[0])
        return None if known is None else (_again(value, [known.source, *value.args[1:]]), known.axes)

    def softmax(self, value: Expr) -> Found:
        """Go over the last axis only."""
        known = self._known(value.args[0])
        stays = known is not None and known.axes[-1] == len(known.axes) - 1
        return self.pointwise(value) if stays else None

    def reshape(self, value: Expr) -> Found:
        """Rename dimensions of what was no more than renamed before."""
        known = self._known(value.args[0])
        if known is None or not only_renames(shape_of(known.source), known.axes):
            return None
        if shape_of(value) == shape_of(known.source):
            return known.source, None
        return relax.op.reshape(known.source, list(shape_of(value))), None

    def concat(self, value: Expr) -> Found:
        """Join along the same axis under its other number."""
        parts = sources(value, self.line.definition)
        axes = next((k.axes for p in parts if (k := self._known(p)) is not None), None)
        if axes is None:
            return None
        aligned = [self._aligned(p, axes) for p in parts]
        if any(a is None for a in aligned):
            return None
        return relax.op.concat(aligned, axis=axes[int(value.attrs.axis) % len(axes)]), axes

    def pad(self, value: Expr) -> Found:
        """Pad the same axes."""
        known = self._known(value.args[0])
        if known is None:
            return None
        widths = np.array([int(w) for w in value.attrs["pad_width"]]).reshape(-1, 2)
        widths = widths[list(inverse(known.axes))]
        attrs = {"pad_width": widths.ravel().tolist(), "pad_value": int(value.attrs["pad_value"])}
        return build_call("pad", [known.source], **attrs), known.axes

    def strided_slice(self, value: Expr) -> Found:
        """Cut the same axes."""
        known = self._known(value.args[0])
        if known is None:
            return None
        _, _, where = MOVES["strided_slice"].take_apart(value, self.line)
        axes = [known.axes[a] for a in where["axes"]]
        call = relax.op.strided_slice(known.source, axes, where["begin"], where["end"], where["strides"])
        return call, known.axes

    def reduction(self, value: Expr) -> Found:
        """Reduce the same axes."""
        known, definition = self._known(value.args[0]), op_def(value)
        if known is None or definition is None:
            return None
        reduced = {int(a) % len(known.axes) for a in value.attrs["axes"]}
        attrs = {name: value.attrs[name] for name in definition.attributes}
        attrs["axes"] = sorted(known.axes[a] for a in reduced)
        call = build_call(definition.name, [known.source], **attrs)
        if value.attrs["keepdims"]:
            return call, known.axes
        left = [a for k, a in enumerate(known.axes) if k not in reduced]
        axes = tuple(sorted(left).index(a) for a in left)
        return call, None if axes == tuple(range(len(axes))) else axes

    def fully_connected(self, value: Expr) -> Found:
        """Put the order of a single row of inputs into the weights."""
        known, weight = self._known(value.args[0]), constant_value(self.line.resolve(value.args[1]))
        if known is None or prod(shape_of(known.source)) != weight.shape[1]:
            return None
        shape = shape_of(known.source)
        weights = weight.reshape(len(weight), *(shape[a] for a in known.axes))
        weights = weights.transpose(0, *(1 + i for i in inverse(known.axes))).reshape(weight.shape)
        ordered = constant(np.ascontiguousarray(weights))
        return _again(value, [known.source, ordered, *value.args[2:]]), None


def _again(value: Expr, operands: Sequence[Expr]) -> Expr:
    return relax.Call(value.op, list(operands), value.attrs, value.ty_args)


_RULES: dict[str, Callable[[_Mover, Expr], Found]] = {
    **dict.fromkeys((*BROADCASTING, "prelu"), _Mover.elementwise),
    **dict.fromkeys(("lookup", "quantize", "dequantize"), _Mover.pointwise),
    **dict.fromkeys(("mean", "reduce_max"), _Mover.reduction),
    "softmax": _Mover.softmax,
    "reshape": _Mover.reshape,
    "concat": _Mover.concat,
    "pad": _Mover.pad,
    "strided_slice": _Mover.strided_slice,
    "fully_connected": _Mover.fully_connected,
}
"""By the short name of an operator."""
