"""A network, the segments in which it runs, and all that follows from them; worked out once and read by everyone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from tvm_patch.errors import PlanError
from tvm_patch.input_mode import InputMode
from tvm_patch.planner.layout.base import Layout
from tvm_patch.planner.modes import fetched_inputs
from tvm_patch.planner.network import Network
from tvm_patch.planner.placement import MemoryQuestion, Placement, memory_question, place
from tvm_patch.planner.reads import check_reads
from tvm_patch.planner.segments import Segment, check_operators, kept_tensors


@dataclass(frozen=True)
class Schedule:
    """Segments of a network with their layouts; :meth:`of` makes one.

    Attributes
    ----------
    network : Network
        With the scratch that the kernels have.
    segments : tuple of Segment
        In run order.
    mode : {"resident", "rereadable", "streamed"}
        Where the inputs come from.
    fetched : frozenset of str
        Inputs that are not in the arena.
    layouts : tuple of Layout
        One a segment.
    """

    network: Network
    segments: tuple[Segment, ...]
    mode: InputMode
    fetched: frozenset[str]
    layouts: tuple[Layout, ...]

    @classmethod
    def of(cls, network: Network, segments: Sequence[Segment], mode: InputMode = "resident") -> Schedule:
        """Check segments and lay each of them out.

        Parameters
        ----------
        network : Network
            With ``rows`` described for row-wise operators.
        segments : sequence of Segment
            In run order.
        mode : {"resident", "rereadable", "streamed"}
            Where the inputs come from.

        Raises
        ------
        PlanError
            When the network cannot run in these segments, or its inputs cannot be had in this mode; names the segment
            as a field of a plan.
        """
        check_operators(network, segments)
        fetched = fetched_inputs(network, mode)
        layouts = []
        for i, (segment, kept) in enumerate(zip(segments, kept_tensors(network, segments), strict=True)):
            try:
                layouts.append(segment.lay_out(network, kept, fetched))
            except PlanError as error:
                field = f".{segment.cut_by}" if segment.cut_by else ""
                raise PlanError(f"segments[{i}]{field}: {error}") from error
        check_reads(network, segments, mode)
        return cls(network, tuple(segments), mode, fetched, tuple(layouts))

    def with_scratch(self, scratch: Sequence[int]) -> Schedule:
        """Return the schedule for kernels with other scratch: layouts only make room for it, and are placed anew.

        Parameters
        ----------
        scratch : sequence of int
            Bytes per operator.
        """
        if list(scratch) == [op.scratch_bytes for op in self.network.operators]:
            return self
        operators = zip(self.network.operators, scratch, strict=True)
        return replace(
            self,
            network=replace(
                self.network, operators=tuple(replace(op, scratch_bytes=size) for op, size in operators)
            ),
            layouts=tuple(layout.with_scratch(scratch) for layout in self.layouts),
        )

    @cached_property
    def question(self) -> MemoryQuestion:
        """What the arena planner is asked."""
        return memory_question(self.network, self.layouts, self.fetched)

    @cached_property
    def placement(self) -> Placement:
        """Where everything lies in the arena."""
        return place(self.question)

    @property
    def arena_bytes(self) -> int:
        """Bytes of the arena, as compiled."""
        return self.placement.arena_bytes

    @cached_property
    def macs(self) -> tuple[int, ...]:
        """Multiply-accumulates that each segment executes."""
        return tuple(layout.macs_executed(self.network) for layout in self.layouts)

    @property
    def macs_executed(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(self.macs)


def overhead_of(executed: int, macs: int) -> float:
    """Return multiply-accumulates executed over those of the network, to six digits; 1 where there are none."""
    return round(executed / macs, 6) if macs else 1.0
