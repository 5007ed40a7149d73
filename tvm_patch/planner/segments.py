"""A network cut into segments: the skeleton of a plan.  Every kind of segment is a class."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from tvm_patch.errors import PlanError
from tvm_patch.planner.composite import Composite
from tvm_patch.planner.layout.base import Layout
from tvm_patch.planner.layout.channels import layout_channels
from tvm_patch.planner.layout.patches import layout_patches
from tvm_patch.planner.layout.rows_builder import layout_rows
from tvm_patch.planner.layout.whole import layout_whole
from tvm_patch.planner.network import Network


@dataclass(frozen=True)
class Segment:
    """Operators that run together: rows are made on demand and kept as long as they are needed.

    One operator that needs whole tensors is a segment too.  Other kinds of segments are subclasses.

    Attributes
    ----------
    operators : tuple of int
        Indices in run order.  An operator may be in several segments: it then runs again.
    bands : int
        Vertical stripes of the last operator's output.
    composites : tuple of Composite
        Which of its operators run as one.
    """

    operators: tuple[int, ...]
    bands: int = 1
    composites: tuple[Composite, ...] = field(default=(), kw_only=True)

    @property
    def numbers(self) -> dict[str, int]:
        """How it is cut, as plan files and attributes of modules have it; see :func:`segment_of`."""
        return {"bands": self.bands, "patch_rows": 0, "channels": 0}

    @property
    def pieces(self) -> str:
        """In how many pieces it runs, in words; nothing where it is one."""
        words = [f"{self.bands} bands"] if self.bands > 1 else []
        if self.composites:
            words.append(f"{len(self.composites)} composite{'s' * (len(self.composites) > 1)}")
        return " with ".join(words)

    @property
    def cut_by(self) -> str:
        """Which of :attr:`numbers` cuts it; nothing where it runs in one piece."""
        return "bands" if self.bands > 1 else ""

    @property
    def uncut(self) -> str:
        """What to write for :attr:`cut_by` so that every row of an input is read once."""
        return "use one band"

    @property
    def own_kernels(self) -> tuple[int, ...]:
        """Which operators run with their kernels as they are; composites have others, with scratch of their own."""
        others = {i for composite in self.composites for i in composite.operators}
        return tuple(i for i in self.operators if i not in others)

    def runs_whole(self, network: Network, fetched: Collection[str]) -> bool:
        """Tell whether this is one operator that needs whole tensors; a reduction of fetched rows does not."""
        first = network.operators[self.operators[0]]
        return len(self.operators) == 1 and not first.rows and not set(fetched).intersection(first.inputs)

    def lay_out(self, network: Network, kept: Collection[str] = (), fetched: Collection[str] = ()) -> Layout:
        """Lay out the segment.

        Parameters
        ----------
        network : Network
            With ``rows`` described for row-wise operators.
        kept : collection of str
            Tensors that the segment makes and that are needed after it.
        fetched : collection of str
            Network inputs whose rows are fetched.

        Raises
        ------
        PlanError
            When it cannot run in this way.
        """
        if self.runs_whole(network, fetched):
            return layout_whole(network.operators[self.operators[0]], self.bands)
        return layout_rows(network, self.operators, self.bands, kept, fetched, self.composites)


@dataclass(frozen=True)
class PatchSegment(Segment):
    """Operators that run one after another on whole regions, patch by patch: MCUNetV2's scheme.

    Attributes
    ----------
    patch_rows : int
        The output is cut into `patch_rows` × `bands` patches.
    """

    patch_rows: int = 1

    @property
    def numbers(self) -> dict[str, int]:
        """How it is cut, as plan files and attributes of modules have it; see :func:`segment_of`."""
        return {**super().numbers, "patch_rows": self.patch_rows}

    @property
    def pieces(self) -> str:
        """In how many pieces it runs, in words."""
        return f"{self.patch_rows}×{self.bands} patches"

    @property
    def cut_by(self) -> str:
        """Which of :attr:`numbers` cuts it."""
        return "patch_rows"

    @property
    def uncut(self) -> str:
        """What to write for :attr:`cut_by` so that every row of an input is read once."""
        return "use 0"

    def lay_out(self, network: Network, kept: Collection[str] = (), fetched: Collection[str] = ()) -> Layout:
        """Lay out the segment; see :meth:`Segment.lay_out`."""
        return layout_patches(network, self.operators, self.patch_rows, self.bands, kept, fetched)


@dataclass(frozen=True)
class ChannelSegment(Segment):
    """A depthwise convolution, perhaps with the 1×1 convolution before it, that runs block by block of channels.

    Attributes
    ----------
    channels : int
        Of a block.
    """

    channels: int = 1

    @property
    def numbers(self) -> dict[str, int]:
        """How it is cut, as plan files and attributes of modules have it; see :func:`segment_of`."""
        return {**super().numbers, "channels": self.channels}

    @property
    def pieces(self) -> str:
        """In which pieces it runs, in words."""
        return f"blocks of {self.channels} channels"

    @property
    def cut_by(self) -> str:
        """Which of :attr:`numbers` cuts it."""
        return "channels"

    @property
    def uncut(self) -> str:
        """What to write for :attr:`cut_by` so that every row of an input is read once."""
        return "use 0"

    @property
    def own_kernels(self) -> tuple[int, ...]:
        """None: blocks of channels have kernels of their own."""
        return ()

    def lay_out(self, network: Network, kept: Collection[str] = (), fetched: Collection[str] = ()) -> Layout:
        """Lay out the segment; see :meth:`Segment.lay_out`."""
        if self.bands != 1:
            raise PlanError("blocks of channels have one band")
        for name in network.operators[self.operators[0]].inputs:
            if name in fetched:
                raise PlanError(f"input {name} is fetched row by row: blocks of channels need it whole")
        made = {t for i in self.operators[:-1] for t in network.operators[i].outputs}
        if made & set(kept):
            raise PlanError(f"tensor {min(made & set(kept))} is needed later: it cannot be made in blocks")
        return layout_channels(network, self.operators, self.channels)


NUMBERS: Mapping[str, int] = {"bands": 1, "patch_rows": 0, "channels": 0}
"""What tells how a segment is cut, with the value where it is not."""


def segment_of(
    operators: Sequence[int],
    bands: int = 1,
    patch_rows: int = 0,
    channels: int = 0,
    composites: Sequence[Composite] = (),
) -> Segment:
    """Return the segment that some numbers describe.

    Parameters
    ----------
    operators : sequence of int
        Indices in run order.
    bands, patch_rows, channels : int
        As in a plan file: ``patch_rows`` is 0 where rows are made on demand, ``channels`` where all of them are made
        together.
    composites : sequence of Composite
        Operators of a segment of rows that run as one.

    Raises
    ------
    PlanError
        When they contradict each other.
    """
    if bool(patch_rows) + bool(channels) + bool(composites) > 1:
        raise PlanError("patch_rows, channels and composites: a segment has one of them")
    if patch_rows:
        return PatchSegment(tuple(operators), bands, patch_rows)
    if channels:
        return ChannelSegment(tuple(operators), bands, channels)
    return Segment(tuple(operators), bands, composites=tuple(composites))


def layer_by_layer(network: Network) -> tuple[Segment, ...]:
    """Return one segment an operator: classic execution."""
    return tuple(Segment((op.index,)) for op in network.operators)


def kept_tensors(network: Network, segments: Sequence[Segment]) -> tuple[frozenset[str], ...]:
    """Return, per segment, the tensors that it makes and that something after it reads.

    Raises
    ------
    PlanError
        When a segment reads what nothing before it stored, or the network's output is never stored.
    """
    made = [{t for i in s.operators for t in network.operators[i].outputs} for s in segments]
    wanted: set[str] = set(network.outputs)
    kept: list[frozenset[str]] = []
    for segment, own in zip(reversed(segments), reversed(made), strict=True):
        kept.append(frozenset(own & wanted))
        wanted -= own
        wanted |= {t for i in segment.operators for t in network.operators[i].inputs if t not in own}
    missing = wanted - set(network.inputs)
    if missing:
        raise PlanError(f"segments: tensor {min(missing)} is read but no segment before makes it")
    return tuple(reversed(kept))


def check_operators(network: Network, segments: Sequence[Segment]) -> None:
    """Check that every operator is in some segment, and that within one nothing is read before it is made.

    Raises
    ------
    PlanError
        Naming the segment, as a field of a plan.
    """
    count = len(network.operators)
    seen: set[int] = set()
    for i, segment in enumerate(segments):
        where = f"segments[{i}].operators: "
        for index in segment.operators:
            if not 0 <= index < count:
                raise PlanError(f"{where}{index} does not exist; the network has {count} operators")
        if not segment.operators:
            raise PlanError(f"{where}there must be one at least")
        if len(set(segment.operators)) != len(segment.operators):
            raise PlanError(f"{where}an operator is named twice")
        _check_order(network, segment, where)
        seen |= set(segment.operators)
    if len(seen) != count:
        missing = min(set(range(count)) - seen)
        raise PlanError(
            f"segments: operator {missing} ({network.operators[missing].kind}) is in none of them"
        )


def _check_order(network: Network, segment: Segment, where: str) -> None:
    later = {t: i for i in segment.operators for t in network.operators[i].outputs}
    for index in segment.operators:
        for tensor in network.operators[index].outputs:
            del later[tensor]
        for tensor in network.operators[index].inputs:
            if tensor in later:
                raise PlanError(f"{where}{index} reads what {later[tensor]} makes after it")
