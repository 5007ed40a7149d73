"""JoinMovement: reshapes and transposes that together move blocks of pixels become one operator that makes rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from math import prod

import tvm
from tvm import relax

from relay_passes.dialect import build_call
from relay_passes.move_transposes import (
    PIXELS_OF_PLANES,
    PLANES_OF_PIXELS,
    axes_of,
    inverse,
    movement_of,
    without_transposes,
)
from relay_passes.straight_line import (
    FunctionBuilder,
    StraightLine,
    dtype_of,
    op_name,
    operands,
    replace_main,
    shape_of,
    with_operands,
)
from tvm_patch.rearrangement import Axes, as_split, dense, row_form, transposed
from tvm_patch.tvm_types import Expr, IRModule, PassContext, RelaxFunction, Var

Order = tuple[int, ...]

_AS_IS = (0, 1, 2, 3)
_LAYOUTS = (
    (_AS_IS, _AS_IS),
    (_AS_IS, PLANES_OF_PIXELS),
    (PIXELS_OF_PLANES, _AS_IS),
    (PIXELS_OF_PLANES, PLANES_OF_PIXELS),
)
"""How a source is turned first and a result last, best first."""


@tvm.ir.transform.module_pass(opt_level=0, name="JoinMovement")
class JoinMovement:
    """Write chains of reshapes and transposes as ``rearrange`` where that makes rows of a few rows.

    Converters write space-to-depth, depth-to-space (pixel shuffle) and channel shuffle as RESHAPE, TRANSPOSE,
    RESHAPE, each of which needs its whole tensor.  Between planes (NCHW) the rearrangement is one of pixels between
    two transposes, for :class:`relay_passes.move_transposes.MoveTransposes` to take away.  If it cannot, so that more
    bytes are transposed than before, nothing is changed.
    """

    def transform_module(self, module: IRModule, context: PassContext) -> IRModule:
        """Return the module with its rearrangements joined."""
        line = StraightLine.main_of(module)
        found = _rearrangements(line)
        if not found:
            return module
        joined = _joined(line, found)
        moved = without_transposes(StraightLine.of(joined), {})
        worse = movement_of(StraightLine.of(moved))[0] > movement_of(line)[0]
        return module if worse else replace_main(module, joined)


@dataclass(frozen=True)
class _Rearrangement:
    """A tensor made from another one.

    Attributes
    ----------
    source : relax.Expr
    first, last : tuple of int
        In which order the axes of `source` are rearranged, and how those of the result are turned then.
    axes : Axes
        What is rearranged between.
    shape : tuple of int
        Of the result before it is turned.
    """

    source: Expr
    first: Order
    last: Order
    axes: Axes
    shape: tuple[int, ...]


def _rearrangements(line: StraightLine) -> dict[Var, _Rearrangement]:
    """Return by variable what can be made row by row and is needed, looking from the outputs."""
    found: dict[Var, _Rearrangement] = {}
    needed = set(line.outputs)
    for var, value in reversed(line.bindings):
        if var not in needed:
            continue
        rearrangement = _rearrangement(line, var)
        if rearrangement is not None:
            found[var] = rearrangement
            needed.add(rearrangement.source)
            continue
        read = [operand for operand in operands(value) if isinstance(operand, relax.Var)]
        needed.update(read)
        needed.update(line.resolve(operand) for operand in read)
    return found


def _rearrangement(line: StraightLine, var: Var) -> _Rearrangement | None:
    """Return how a tensor is made from one as far before it as there is, None where no way makes rows of rows."""
    chain, source = list[Expr](), var
    while op_name(line.definition(source)) in ("relax.reshape", "relax.permute_dims"):
        chain.append(line.definition(source))
        source = line.resolve(chain[-1].args[0])
    for length in range(len(chain), 1, -1):
        moves = chain[length - 1 :: -1]
        source = line.resolve(moves[0].args[0])
        if not (_is_picture(source) and _is_picture(var)) or _turns_only(moves, source, var):
            continue
        for first, last in _LAYOUTS:
            found = _between(moves, source, var, first, last)
            if found is not None:
                return found
    return None


def _is_picture(tensor: Expr) -> bool:
    shape = shape_of(tensor)
    return len(shape) == 4 and shape[0] == 1 and min(shape) > 0 and dtype_of(tensor) == "int8"


def _turns_only(moves: Sequence[Expr], source: Expr, made: Expr) -> bool:
    """Tell whether moves do what one transpose does, or none."""
    before, after, axes = shape_of(source), shape_of(made), _through(moves, dense(prod(shape_of(source))))
    return any(
        axes == transposed(dense(prod(before)), before, order)
        for order in permutations(range(4))
        if after == tuple(before[a] for a in order)
    )


def _through(moves: Sequence[Expr], axes: Axes | None) -> Axes | None:
    """Return the axes of what reshapes and transposes make, from those of what they are given."""
    for move in moves:
        if axes is not None and op_name(move) == "relax.permute_dims":
            axes = transposed(axes, shape_of(move.args[0]), axes_of(move))
    return axes


def _between(
    moves: Sequence[Expr], source: Expr, made: Expr, first: Order, last: Order
) -> _Rearrangement | None:
    """Return what moves do between a source and a result that are turned; None where that makes no rows of rows."""
    before = tuple(shape_of(source)[a] for a in first)
    axes = _through(moves, transposed(dense(prod(before)), before, inverse(first)))
    back = inverse(last)
    after = tuple(shape_of(made)[a] for a in back)
    axes = None if axes is None else transposed(axes, shape_of(made), back)
    if axes is None or len(axes) < 2 or 1 in (before[1], after[1]) or row_form(axes, before, after) is None:
        return None
    return _Rearrangement(source, first, last, axes, after)


def _joined(line: StraightLine, found: Mapping[Var, _Rearrangement]) -> RelaxFunction:
    """Return the function with some tensors made in another way."""
    builder, results = FunctionBuilder(line.params, line.attrs), set(line.outputs)
    new: dict[Var, Expr] = {}
    known: dict[_Rearrangement, Expr] = {}

    def current(expr: Expr) -> Expr:
        source = line.resolve(expr)
        return new.get(source, source)

    def turned(expr: Expr, order: Order, name: str, result: bool = False) -> Expr:
        if order == _AS_IS:
            return expr
        return builder.emit(relax.op.permute_dims(expr, list(order)), name, result)

    for var, value in line.bindings:
        if line.resolve(var) is not var and line.resolve(var) != var:
            continue  # an alias: readers look through it
        if var not in found:
            new[var] = builder.emit(with_operands(value, current), var.name, var in results)
            continue
        way = found[var]
        alike = replace(way, last=_AS_IS)
        if alike not in known or (var in results and way.last == _AS_IS):
            data = turned(current(way.source), way.first, f"{var.name}_pixels")
            split, order = as_split(way.axes)
            call = build_call("rearrange", [data], split=split, order=order, shape=way.shape)
            known[alike] = builder.emit(call, var.name, var in results and way.last == _AS_IS)
        new[var] = turned(known[alike], way.last, f"{var.name}_planes", var in results)
    return builder.finish([current(o) for o in line.outputs], line.returns_tuple)
