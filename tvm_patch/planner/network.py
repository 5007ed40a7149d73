"""A network as the planner sees it: a graph, and of every operator what its kernel needs and can do.

Nothing here imports TVM, so thousands of candidate networks can be described and planned in a second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

from tvm_patch.graph import Graph, Lifetime, Operator, Tensor, Window
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.planner.turns import turns
from tvm_patch.targets import HOST, Target


@dataclass(frozen=True)
class OperatorDesc:
    """An operator at its place in the run order, and what the planner asks of its kernel.

    Attributes
    ----------
    index : int
        Position in the run order, from 0.
    operator : Operator
    macs : int
        Multiply-accumulates.
    scratch_bytes : int
        Bytes of working memory while the operator runs.
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
    code : str
        Class of its kernel; empty where none was asked.
    flat : bool
        Whether all its rows are one long row when it runs by itself.
    rows_at_once : int
        Rows that it makes each time that it runs; more than 1 for composites only.
    """

    index: int
    operator: Operator
    macs: int = 0
    scratch_bytes: int = 0
    rows: tuple[RowWindow, ...] = ()
    elementwise: bool = False
    bandable: bool = True
    in_place: tuple[int | None, ...] = ()
    is_copy: bool = False
    state_bytes: int = 0
    code: str = ""
    flat: bool = False
    rows_at_once: int = 1

    def __post_init__(self) -> None:
        if min(self.macs, self.scratch_bytes) < 0:
            raise ValueError(f"operator {self.name!r}: negative cost")

    # The planner asks for names thousands of times a plan.
    @cached_property
    def kind(self) -> str:
        """Short name of the operator in the integer dialect."""
        return self.operator.kind

    @cached_property
    def name(self) -> str:
        """Name from the model."""
        return self.operator.name

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Names of the activations that it reads."""
        return self.operator.input_names

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """Names of the activations that it makes."""
        return self.operator.output_names

    @property
    def window(self) -> Window | None:
        """How it slides over its first input, or None when it does not."""
        return self.operator.window

    @property
    def weight_bytes(self) -> int:
        """Bytes of constants in flash."""
        return self.operator.weight_bytes

    @property
    def attrs(self) -> Mapping[str, Any]:
        """Attributes of the operator."""
        return self.operator.attrs


class OtherShapes(Protocol):
    """Knows operators in other shapes than those that the network has."""

    def turned(self, index: int) -> OperatorDesc | None:
        """Return the description of an operator turned by a quarter, None where it cannot be."""

    def turned_kernel(self, index: int) -> Any:
        """Return the kernel of an operator turned by a quarter that can be."""

    def tiled(self, index: int, columns: int) -> OperatorDesc:
        """Return the description of an operator with what scratch pays where it makes so many columns at once."""

    def tiled_kernel(self, index: int, columns: int) -> Any:
        """Return the kernel of that description, for the whole width."""

    def block(self, index: int, channels: int) -> OperatorDesc | None:
        """Return an operator on its first so many channels, None where it cannot be cut."""

    def blocks(self, index: int, channels: int) -> tuple[OperatorDesc, ...]:
        """Return an operator on so many channels after the other; nothing where it cannot be cut."""

    def block_kernels(self, index: int, channels: int) -> Sequence[Any]:
        """Return the kernels of :meth:`blocks`."""


@dataclass(frozen=True)
class Network:
    """A network in run order, validated on construction.

    Attributes
    ----------
    name : str
    graph : Graph
    operators : tuple of OperatorDesc
        Those of the graph, described; ``operators[i].index == i``.
    target : Target
        Whose kernels the operators are described by, and what they cost there.
    shapes : OtherShapes, optional
        Describes operators turned by a quarter, and on some of their channels; without it none can be either.

    Raises
    ------
    ValueError
        When the descriptions are not those of the graph's operators.
    """

    name: str
    graph: Graph
    operators: tuple[OperatorDesc, ...]
    target: Target = HOST
    shapes: OtherShapes | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.operators) != len(self.graph.operators):
            raise ValueError(f"{len(self.operators)} descriptions of {len(self.graph.operators)} operators")
        for position, (op, made) in enumerate(zip(self.operators, self.graph.operators, strict=True)):
            if op.index != position:
                raise ValueError(f"operator {position} ({op.name!r}) has index {op.index}")
            if op.operator is not made:
                raise ValueError(f"operator {position} ({op.name!r}) is another one than the graph's")

    @classmethod
    def of(
        cls,
        name: str,
        operators: Sequence[OperatorDesc],
        inputs: Sequence[Tensor],
        outputs: Sequence[Tensor],
        target: Target = HOST,
    ) -> Network:
        """Return a network of described operators in run order."""
        graph = Graph(tuple(op.operator for op in operators), tuple(inputs), tuple(outputs))
        return cls(name, graph, tuple(operators), target)

    @property
    def counting_instructions(self) -> Network:
        """The same network for an estimate of instructions; see :attr:`Target.counting_instructions`."""
        found = replace(self, target=self.target.counting_instructions)
        vars(found)["turns"] = self.turns  # the same, and not found at once
        return found

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """Every activation by name."""
        return self.graph.tensors

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Names of the network's inputs."""
        return tuple(t.name for t in self.graph.inputs)

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """Names of the network's outputs."""
        return tuple(t.name for t in self.graph.outputs)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(op.macs for op in self.operators)

    @property
    def weight_bytes(self) -> int:
        """Bytes of constants of all operators."""
        return sum(op.weight_bytes for op in self.operators)

    def producer(self, tensor: str) -> OperatorDesc | None:
        """Return the operator that makes `tensor`, or None for a network input."""
        index = self.graph.producer(tensor)
        return None if index is None else self.operators[index]

    def consumers(self, tensor: str) -> tuple[OperatorDesc, ...]:
        """Return the operators that read `tensor`, in run order, each once."""
        return tuple(self.operators[i] for i in self.graph.consumers(tensor))

    @property
    def lifetimes(self) -> Mapping[str, Lifetime]:
        """Lifetime of every tensor."""
        return self.graph.lifetimes

    @cached_property
    def turns(self) -> tuple[int, ...]:
        """In which order operators of a segment are asked for rows; see :mod:`tvm_patch.planner.turns`."""
        return turns(self.graph, [op.rows for op in self.operators])

    def reordered(self, order: Sequence[int]) -> Network:
        """Return this network with its operators in another run order.

        Parameters
        ----------
        order : sequence of int
            A permutation of operator indices that keeps every producer before its readers.
        """
        described = tuple(replace(self.operators[k], index=i) for i, k in enumerate(order))
        return replace(self, graph=self.graph.reordered(order), operators=described, shapes=None)
