"""The one record of an operator, from the passes to the kernels: named tensors, constants and plain attributes.

Nothing here imports TVM.  Passes make a :class:`Graph` of a legalized module, a kernel is made for one
:class:`Operator`, and the planner asks that kernel what it needs (:class:`tvm_patch.planner.network.OperatorDesc`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

ITEM_BYTES: Mapping[str, int] = {
    "bool": 1, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2,
    "int32": 4, "uint32": 4, "float32": 4, "int64": 8,
}  # fmt: skip
"""Bytes of one element by dtype."""


@dataclass(frozen=True)
class Tensor:
    """One activation tensor.

    Attributes
    ----------
    name : str
        Unique in its graph.
    shape : tuple of int
        Static shape; the empty shape is a scalar.
    dtype : str
        A key of :data:`ITEM_BYTES`.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "int8"

    def __post_init__(self) -> None:
        if self.dtype not in ITEM_BYTES:
            raise ValueError(f"tensor {self.name!r}: unknown dtype {self.dtype!r}")
        if any(d < 0 for d in self.shape):
            raise ValueError(f"tensor {self.name!r}: negative dimension in {self.shape}")

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    # Planners ask millions of times.
    @cached_property
    def nbytes(self) -> int:
        """Size in bytes."""
        return self.size * ITEM_BYTES[self.dtype]

    @cached_property
    def rows(self) -> int:
        """Number of rows: axis 1 of an NHWC tensor, 1 for anything that is not of rank 4 and batch 1."""
        return self.shape[1] if len(self.shape) == 4 and self.shape[0] == 1 else 1

    @cached_property
    def row_bytes(self) -> int:
        """Bytes of one row (see :attr:`rows`)."""
        return self.nbytes // self.rows if self.rows else 0


@dataclass(frozen=True)
class Window:
    """How an operator slides over its first input; pairs are (rows, columns).

    Attributes
    ----------
    kernel, stride, dilation : tuple of int
        In rows and columns.
    padding : tuple of int
        (top, left, bottom, right), in rows and columns of the input.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        if min(*self.kernel, *self.stride, *self.dilation) < 1:
            raise ValueError(f"kernel, stride and dilation must be at least 1: {self}")

    @property
    def reach(self) -> tuple[int, int]:
        """Input rows and columns spanned by one output element."""
        return (
            (self.kernel[0] - 1) * self.dilation[0] + 1,
            (self.kernel[1] - 1) * self.dilation[1] + 1,
        )


@dataclass(frozen=True)
class Operator:
    """One operator.

    Attributes
    ----------
    kind : str
        Short name in the integer dialect (``conv2d``), or of the stock Relax operator (``reshape``).
    name : str
        Name for people, from the model.
    inputs, outputs : tuple of Tensor
        Activations only, in argument order.
    constants : mapping of str to ndarray
        Constant arguments by the dialect's argument name (an ``add`` may hold ``rhs`` here, ``take`` its ``indices``).
        Not compared.
    attrs : mapping
        Attributes of the call as plain Python values.
    """

    kind: str
    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    constants: Mapping[str, np.ndarray] = field(default_factory=dict, compare=False)
    attrs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of what it reads."""
        return tuple(t.name for t in self.inputs)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of what it makes."""
        return tuple(t.name for t in self.outputs)

    @cached_property
    def weight_bytes(self) -> int:
        """Bytes of its constants."""
        return sum(int(c.nbytes) for c in self.constants.values())

    @cached_property
    def worked_out(self) -> dict[Any, Any]:
        """What kernels have worked out of its constants, for the next one that asks."""
        return {}

    @cached_property
    def window(self) -> Window | None:
        """How it slides over its first input, or None when it does not."""
        attrs, weight = self.attrs, self.constants.get("weight")
        if "pool_size" in attrs:
            kernel, dilation = attrs["pool_size"], (1, 1)
        elif "dilation" in attrs and weight is not None:
            kernel, dilation = weight.shape[1:3], attrs["dilation"]
        else:
            return None
        top, left, bottom, right = (int(p) for p in attrs["padding"])
        return Window(_pair(kernel), _pair(attrs["strides"]), (top, left, bottom, right), _pair(dilation))


def _pair(values: Sequence[Any]) -> tuple[int, int]:
    return int(values[0]), int(values[1])


@dataclass(frozen=True)
class Lifetime:
    """The operators during which a tensor must be kept, both ends included.

    `first` is -1 for what exists before the first operator; `last` is the number of operators for what must
    survive the last one.
    """

    first: int
    last: int

    def overlaps(self, other: Lifetime) -> bool:
        """Tell whether both are alive during some operator."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True)
class Graph:
    """Operators in run order, validated on construction.

    Attributes
    ----------
    operators : tuple of Operator
    inputs, outputs : tuple of Tensor

    Raises
    ------
    ValueError
        When a tensor is made twice, used before it is made, or another one where it is used.
    """

    operators: tuple[Operator, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    def __post_init__(self) -> None:
        made = {t.name: t for t in self.inputs}
        for position, op in enumerate(self.operators):
            where = f"operator {position} ({op.name!r})"
            if not op.outputs:
                raise ValueError(f"{where} has no output")
            for tensor in op.inputs:
                _check_made(tensor, made, where)
            for tensor in op.outputs:
                if tensor.name in made:
                    raise ValueError(f"{where} makes {tensor.name!r}, which exists already")
                made[tensor.name] = tensor
        for tensor in self.outputs:
            _check_made(tensor, made, "the graph's result")

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        """Every activation by name: the inputs, then what the operators make, in run order."""
        made = [t for op in self.operators for t in op.outputs]
        return {t.name: t for t in (*self.inputs, *made)}

    @cached_property
    def _uses(self) -> tuple[dict[str, int], dict[str, list[int]]]:
        producers: dict[str, int] = {}
        consumers: dict[str, list[int]] = {name: [] for name in self.tensors}
        for index, op in enumerate(self.operators):
            producers |= dict.fromkeys(op.output_names, index)
            for name in dict.fromkeys(op.input_names):
                consumers[name].append(index)
        return producers, consumers

    def producer(self, tensor: str) -> int | None:
        """Return the index of the operator that makes `tensor`, or None for an input."""
        if tensor not in self.tensors:
            raise KeyError(tensor)
        return self._uses[0].get(tensor)

    def consumers(self, tensor: str) -> tuple[int, ...]:
        """Return the indices of the operators that read `tensor`, ascending, each once."""
        return tuple(self._uses[1][tensor])

    @cached_property
    def lifetimes(self) -> dict[str, Lifetime]:
        """The operators during which each tensor must be kept.

        Inputs live from before the first operator, outputs to after the last; a tensor that nobody reads lives
        during its producer only.
        """
        outputs = {t.name for t in self.outputs}
        found = {}
        for name in self.tensors:
            producer, readers = self.producer(name), self.consumers(name)
            first = -1 if producer is None else producer
            last = len(self.operators) if name in outputs else readers[-1] if readers else first
            found[name] = Lifetime(first, last)
        return found

    def live(self, index: int) -> tuple[str, ...]:
        """Return the tensors that must be kept during operator `index`, its own inputs and outputs too."""
        return tuple(name for name, t in self.lifetimes.items() if t.first <= index <= t.last)

    def live_bytes(self, index: int) -> int:
        """Bytes of the tensors kept during operator `index`, without scratch, alignment or sharing."""
        return sum(self.tensors[name].nbytes for name in self.live(index))

    def reordered(self, order: Sequence[int]) -> Graph:
        """Return this graph with its operators in another run order.

        Parameters
        ----------
        order : sequence of int
            A permutation of operator indices that keeps every producer before its readers.
        """
        if sorted(order) != list(range(len(self.operators))):
            raise ValueError("not a permutation of the operators")
        return replace(self, operators=tuple(self.operators[k] for k in order))


def _check_made(tensor: Tensor, made: Mapping[str, Tensor], reader: str) -> None:
    if tensor.name not in made:
        raise ValueError(f"{reader} reads {tensor.name!r} before it is made")
    if made[tensor.name] != tensor:
        raise ValueError(f"{reader} reads {tensor}, made as {made[tensor.name]}")
