"""Legalized Relax bindings → :class:`tvm_patch.kernels.base.OpView`, what kernels look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from relay_passes.operators import PlainFunction, PlainOp, plain_function
from tvm_patch.kernels.base import OpView, TensorView
from tvm_patch.tvm_types import RelaxFunction


@dataclass(frozen=True)
class BoundOp:
    """One operator with the names of the tensors it reads and makes.

    Attributes
    ----------
    op : OpView
    inputs, outputs : tuple of str
        Variable names, matching ``op.inputs`` and ``op.outputs``.
    """

    op: OpView
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class BoundFunction:
    """A legalized function as operators in run order.

    Attributes
    ----------
    ops : tuple of BoundOp
    inputs, outputs : tuple of str
        Names of parameters and of results.
    tensors : mapping of str to TensorView
        Every activation by name.
    """

    ops: tuple[BoundOp, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    tensors: Mapping[str, TensorView]


def bind_function(function: RelaxFunction) -> BoundFunction:
    """Return `function` (legalized, straight-line) as operators with named tensors.

    Raises
    ------
    UnsupportedError
        When a binding is neither dialect nor data movement, or an output is a constant.
    """
    return bind_plain(plain_function(function))


def bind_plain(plain: PlainFunction) -> BoundFunction:
    """Return a function that was read already; see :func:`bind_function`."""
    tensors = {name: TensorView(t.shape, t.dtype) for name, t in plain.tensors.items()}
    ops = tuple(_bind(op, tensors) for op in plain.ops)
    return BoundFunction(ops, plain.inputs, plain.outputs, tensors)


def bindings_to_ops(function: RelaxFunction) -> list[BoundOp]:
    """Return the operators of `function` in run order; see :func:`bind_function`."""
    return list(bind_function(function).ops)


def _bind(op: PlainOp, tensors: Mapping[str, TensorView]) -> BoundOp:
    view = OpView(
        op.kind,
        op.name,
        tuple(tensors[name] for name in op.inputs),
        tuple(tensors[name] for name in op.outputs),
        op.constants,
        op.attrs,
    )
    return BoundOp(view, op.inputs, op.outputs)


__all__ = ["BoundFunction", "BoundOp", "bind_function", "bind_plain", "bindings_to_ops"]
