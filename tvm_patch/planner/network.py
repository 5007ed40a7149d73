"""A network as the planner sees it: tensors with sizes, operators with costs, in run order.

Nothing here imports TVM, so thousands of candidate networks can be described and planned in a second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import Any

from tvm_patch.planner.row_window import RowWindow
from tvm_patch.targets import HOST, Target

ITEM_BYTES: Mapping[str, int] = {
    "bool": 1, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2,
    "int32": 4, "uint32": 4, "float32": 4, "int64": 8,
}  # fmt: skip
"""Bytes of one element by dtype."""


@dataclass(frozen=True)
class TensorDesc:
    """One activation tensor.

    Attributes
    ----------
    name : str
        Unique in its network.
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

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return self.size * ITEM_BYTES[self.dtype]

    @property
    def rows(self) -> int:
        """Number of rows: axis 1 of an NHWC tensor, 1 for anything that is not of rank 4 and batch 1."""
        return self.shape[1] if len(self.shape) == 4 and self.shape[0] == 1 else 1

    @property
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

    def first_row(self, y: int) -> int:
        """Return the first input row, never below 0, that output row `y` reads."""
        return max(0, y * self.stride[0] - self.padding[0])


@dataclass(frozen=True)
class OperatorDesc:
    """One operator.

    Attributes
    ----------
    index : int
        Position in the run order, from 0.
    name, kind : str
        Name from the model; short name of the operator in the integer dialect (``conv2d``).
    inputs, outputs : tuple of str
        Names of activation tensors.  Constants are not tensors here; they count in `weight_bytes`.
    window : Window or None
        None for operators that do not slide (add, softmax).
    macs : int
        Multiply-accumulates.
    weight_bytes : int
        Bytes of constants in flash.
    scratch_bytes : int
        Bytes of working memory while the operator runs.
    attrs : mapping
        The few attributes that matter to planning, as plain values.
    rows : tuple of RowWindow
        Per input, when the operator works row by row; empty when it needs whole tensors.
    elementwise : bool
        Whether a row may be written over an input row of the same size; see ``kernels.base.RowKernel``.
    bandable : bool
        Whether a range of output columns can be made by itself.
    in_place : tuple of int or None
        Per input, for operators that need whole tensors: least (input offset - output offset) that is safe.
    is_copy : bool
        Whether the output is the input, byte for byte.
    state_bytes : int
        Bytes of accumulators when the operator can reduce a tensor row by row; 0 when it cannot.
    """

    index: int
    name: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    window: Window | None = None
    macs: int = 0
    weight_bytes: int = 0
    scratch_bytes: int = 0
    attrs: Mapping[str, Any] = field(default_factory=dict)
    rows: tuple[RowWindow, ...] = ()
    elementwise: bool = False
    bandable: bool = True
    in_place: tuple[int | None, ...] = ()
    is_copy: bool = False
    state_bytes: int = 0

    def __post_init__(self) -> None:
        if not self.outputs:
            raise ValueError(f"operator {self.name!r} has no output")
        if min(self.macs, self.weight_bytes, self.scratch_bytes) < 0:
            raise ValueError(f"operator {self.name!r}: negative cost")


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
class Network:
    """A network in run order, validated on construction.

    Attributes
    ----------
    name : str
    tensors : mapping of str to TensorDesc
        Every activation: inputs, outputs and all between.
    operators : tuple of OperatorDesc
        In run order; ``operators[i].index == i``.
    inputs, outputs : tuple of str
        Names of tensors.
    target : Target
        Whose kernels the operators are described by, and what they cost there.

    Raises
    ------
    ValueError
        When a name is unknown, a tensor has no or two producers, or one is used before it is made.
    """

    name: str
    tensors: Mapping[str, TensorDesc]
    operators: tuple[OperatorDesc, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    target: Target = HOST

    def __post_init__(self) -> None:
        for key, tensor in self.tensors.items():
            if key != tensor.name:
                raise ValueError(f"tensor {tensor.name!r} is stored under {key!r}")
        for name in (*self.inputs, *self.outputs):
            if name not in self.tensors:
                raise ValueError(f"unknown tensor {name!r} among the network's inputs and outputs")
        made = set(self.inputs)
        for position, op in enumerate(self.operators):
            where = f"operator {position} ({op.name!r})"
            if op.index != position:
                raise ValueError(f"{where} has index {op.index}")
            for name in op.inputs:
                if name not in self.tensors:
                    raise ValueError(f"{where} reads unknown tensor {name!r}")
                if name not in made:
                    raise ValueError(f"{where} reads {name!r} before it is made")
            for name in op.outputs:
                if name not in self.tensors:
                    raise ValueError(f"{where} makes unknown tensor {name!r}")
                if name in made:
                    raise ValueError(f"{where} makes {name!r}, which exists already")
                made.add(name)
        unmade = [name for name in self.tensors if name not in made]
        if unmade:
            raise ValueError(f"tensors that nothing makes: {unmade[:5]}")

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(op.macs for op in self.operators)

    @property
    def weight_bytes(self) -> int:
        """Bytes of constants of all operators."""
        return sum(op.weight_bytes for op in self.operators)

    @cached_property
    def _uses(self) -> tuple[dict[str, OperatorDesc], dict[str, list[OperatorDesc]]]:
        producers: dict[str, OperatorDesc] = {}
        consumers: dict[str, list[OperatorDesc]] = {name: [] for name in self.tensors}
        for op in self.operators:
            for name in op.outputs:
                producers[name] = op
            for name in dict.fromkeys(op.inputs):
                consumers[name].append(op)
        return producers, consumers

    def producer(self, tensor: str) -> OperatorDesc | None:
        """Return the operator that makes `tensor`, or None for a network input."""
        if tensor not in self.tensors:
            raise KeyError(tensor)
        return self._uses[0].get(tensor)

    def consumers(self, tensor: str) -> tuple[OperatorDesc, ...]:
        """Return the operators that read `tensor`, in run order, each once."""
        return tuple(self._uses[1][tensor])

    def lifetime(self, tensor: str) -> Lifetime:
        """Return the operators during which `tensor` must be kept.

        Inputs live from before the first operator, outputs to after the last; a tensor that nobody reads
        lives during its producer only.
        """
        producer = self.producer(tensor)
        first = producer.index if producer else -1
        if tensor in self.outputs:
            return Lifetime(first, len(self.operators))
        readers = self.consumers(tensor)
        return Lifetime(first, readers[-1].index if readers else first)

    @cached_property
    def lifetimes(self) -> dict[str, Lifetime]:
        """Lifetime of every tensor."""
        return {name: self.lifetime(name) for name in self.tensors}

    def reordered(self, order: Sequence[int]) -> Network:
        """Return this network with its operators in another run order.

        Parameters
        ----------
        order : sequence of int
            A permutation of operator indices that keeps every producer before its readers.
        """
        if sorted(order) != list(range(len(self.operators))):
            raise ValueError("not a permutation of the operators")
        operators = tuple(replace(self.operators[k], index=i) for i, k in enumerate(order))
        return replace(self, operators=operators)
