"""A segment laid out: what its code does, what it costs, and what it asks of the arena.

The planner asks for the size and cost of a segment, the lowering for what its code must do; both read the same layout,
which is why the memory predicted is the memory compiled.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from tvm_patch.planner.network import Network, OperatorDesc


@dataclass(frozen=True, kw_only=True)
class Layout(ABC):
    """What all kinds of segments have in common once they are laid out.

    Attributes
    ----------
    operators : tuple of OperatorDesc
        In run order; the last is the sink.
    sources : tuple of str
        Tensors read from the arena, each once.
    fetched : tuple of str
        Tensors whose rows are fetched.
    stored : tuple of str
        Tensors written whole to the arena; the sink's output is the last.
    scratch_bytes : int
        Bytes of the arena that it needs beside those tensors, kernel scratch included.
    input_distance : mapping of str to int or None
        Per source: the least (input offset - output offset) in bytes at which the only output may overlap it when it
        dies here; None where they must be disjoint.
    state_offset : int
        Byte offset in the scratch of a reduction's accumulators.
    """

    operators: tuple[OperatorDesc, ...]
    sources: tuple[str, ...]
    fetched: tuple[str, ...]
    stored: tuple[str, ...]
    scratch_bytes: int
    input_distance: Mapping[str, int | None]
    state_offset: int = 0

    @property
    def sink(self) -> OperatorDesc:
        """The last operator."""
        return self.operators[-1]

    @property
    def is_copy(self) -> bool:
        """Whether the output is the input, byte for byte."""
        return False

    @property
    def takes_over(self) -> bool:
        """Whether the output may lie exactly where an input lies that dies here, and nowhere else over it."""
        return False

    @property
    def held(self) -> Collection[str]:
        """Tensors of which the scratch holds a part."""
        return ()

    @abstractmethod
    def macs_executed(self, network: Network) -> int:
        """Return the multiply-accumulates that the segment runs."""

    @abstractmethod
    def with_scratch(self, scratch: Sequence[int]) -> Self:
        """Return the layout for kernels with other scratch; what does not depend on it is not computed again.

        Parameters
        ----------
        scratch : sequence of int
            Bytes, by index of the operator in the network.
        """

    def _operators_with(self, scratch: Sequence[int]) -> tuple[OperatorDesc, ...]:
        return tuple(replace(op, scratch_bytes=scratch[op.index]) for op in self.operators)
