"""A plan as a file: which operators run together, in how many bands, and what that costs.

The format is described in ``docs/plan-format.md``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from tvm_patch.errors import PlanError
from tvm_patch.input_mode import InputMode
from tvm_patch.planner.composite import Composite
from tvm_patch.planner.network import Network
from tvm_patch.planner.schedule import Schedule, overhead_of
from tvm_patch.planner.segments import Segment, segment_of
from tvm_patch.targets import TARGETS
from tvm_patch.versioned_json import read_versioned

FORMAT: Literal["tvm-patch plan"] = "tvm-patch plan"
VERSION: Literal[6] = 6
"""Of the format; a file of another version is refused."""

Scheme = Literal["auto", "layer", "mcunetv2"]
"""``auto``: what the search finds.  ``layer``: one operator after another.  ``mcunetv2``: square patches of the first
operators, which run one after another within a patch; the others likewise after it."""

SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
_Count = Annotated[int, Field(ge=0, strict=True)]
_Ratio = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PlannedComposite(_Part):
    """Operators of a segment that run as one; see :class:`tvm_patch.planner.composite.Composite`.

    Attributes
    ----------
    operators : tuple of int
        Indices in run order.
    rows : int
        Rows that are made at once.
    keeps : bool
        Whether rows between them that the next run needs are kept.
    columns : int
        Columns that are made at once; 0 where they are made one by one.
    """

    operators: Annotated[tuple[_Count, ...], Field(min_length=2)]
    rows: Annotated[int, Field(ge=1, strict=True)]
    keeps: Annotated[bool, Field(strict=True)]
    columns: _Count = 0


class PlannedSegment(_Part):
    """Operators that run together.

    Attributes
    ----------
    operators : tuple of int
        Indices in run order.
    bands : int
        Vertical stripes of the last operator's output.
    patch_rows, channels : int
        See :func:`tvm_patch.planner.segments.segment_of`.
    composites : tuple of PlannedComposite
        Which of its operators run as one.
    """

    operators: Annotated[tuple[_Count, ...], Field(min_length=1)]
    bands: Annotated[int, Field(ge=1, strict=True)] = 1
    patch_rows: _Count = 0
    channels: _Count = 0
    composites: tuple[PlannedComposite, ...] = ()

    @classmethod
    def of(cls, segment: Segment) -> PlannedSegment:
        """Return the description of a segment."""
        composites = tuple(
            PlannedComposite(operators=c.operators, rows=c.rows, keeps=c.keeps, columns=c.columns)
            for c in segment.composites
        )
        return cls(operators=segment.operators, **segment.numbers, composites=composites)

    def segment(self) -> Segment:
        """Return what it describes.

        Raises
        ------
        PlanError
            When it contradicts itself.
        """
        composites = [Composite(c.operators, c.rows, c.keeps, c.columns) for c in self.composites]
        return segment_of(self.operators, self.bands, self.patch_rows, self.channels, composites)


class FrontPoint(_Part):
    """Another way to run the network.

    Attributes
    ----------
    arena_bytes : int
    overhead : float
        Multiply-accumulates executed over those of the network.
    estimated_cycles : int
    """

    arena_bytes: _Count
    overhead: _Ratio
    estimated_cycles: _Count


class Bought(_Part):
    """What an arena is larger for than its segments need.

    Attributes
    ----------
    arena_bytes : int
        More than the least.
    estimated_cycles : int
        Fewer for it.
    """

    arena_bytes: _Count
    estimated_cycles: _Count


class Plan(_Part):
    """A plan for one network, with its costs.

    Attributes
    ----------
    network : str
        Name of the network.
    target : str
        Name of the target whose kernels it reckons with; see :mod:`tvm_patch.targets`.
    fingerprint : str
        See :func:`fingerprint`.
    input_mode : {"resident", "rereadable", "streamed"}
        Where the input comes from.
    scheme : {"auto", "layer", "mcunetv2"}
        How it was made.
    segments : tuple of PlannedSegment
        In run order.
    scratch : tuple of int
        Bytes that each operator's kernel has for itself; the compiler may give it what is free anyway on top.
    arena_bytes : int
        As the compiler allocates it.
    bought : Bought or None
        What of it was spent on speed; None where it is the least for these segments.
    overhead : float
        `macs_executed` over `macs`.
    macs, macs_executed : int
        Multiply-accumulates of the network and of the plan.
    estimated_cycles : int
        See :mod:`tvm_patch.planner.estimate.cycles`.
    front : tuple of FrontPoint
        The alternatives among which it was chosen, least arena first.
    """

    format: Literal["tvm-patch plan"] = FORMAT
    version: Literal[6] = VERSION
    network: str
    target: str
    fingerprint: str
    input_mode: InputMode
    scheme: Scheme
    segments: Annotated[tuple[PlannedSegment, ...], Field(min_length=1)]
    scratch: tuple[_Count, ...]
    arena_bytes: _Count
    bought: Bought | None = None
    overhead: _Ratio
    macs: _Count
    macs_executed: _Count
    estimated_cycles: _Count
    front: tuple[FrontPoint, ...] = ()

    def save(self, path: Path | str) -> Path:
        """Write the plan as JSON, all of it or nothing.

        Raises
        ------
        UserError
            When the file cannot be written.
        """
        from tvm_patch.files import write_text

        return write_text(Path(path), self.model_dump_json(indent=2) + "\n")

    @classmethod
    def load(cls, path: Path | str) -> Plan:
        """Read a plan.

        Raises
        ------
        PlanError
            When the file is no plan of this version; names the field.  Whether it suits a network is for
            :meth:`schedule_for` to say.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise PlanError(f"{path} is not a plan: not UTF-8 text") from error
        except OSError as error:
            raise PlanError(f"cannot read the plan {path}: {error.strerror}") from error
        try:
            return cls.from_json(text)
        except PlanError as error:
            raise PlanError(f"{path}: {error}") from error

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """Return the plan that a JSON text describes; see :meth:`load`."""
        return read_versioned(text, cls, "plan", PlanError, ": plan again")

    def schedule_for(self, network: Network) -> Schedule:
        """Return the plan laid out, after checking that it was made for `network` and is what it says.

        Raises
        ------
        PlanError
            Naming the field that does not fit.
        """
        self._check_target(network)
        if self.fingerprint != fingerprint(network):
            raise PlanError(
                f"fingerprint: the plan was made for another network ({self.network}), not for {network.name} as it is "
                "now; plan again"
            )
        if len(self.scratch) != len(network.operators):
            raise PlanError(f"scratch: {len(self.scratch)} numbers, but {len(network.operators)} operators")
        schedule = Schedule.of(network, self.cut(), self.input_mode)
        for i, (given, op) in enumerate(zip(self.scratch, network.operators, strict=True)):
            if given < op.scratch_bytes:
                raise PlanError(f"scratch[{i}]: {given} bytes, but {op.name} needs {op.scratch_bytes}")
        schedule = schedule.with_scratch(self.scratch)
        facts = {
            "macs": (self.macs, network.macs),
            "macs_executed": (self.macs_executed, schedule.macs_executed),
            "overhead": (self.overhead, overhead_of(schedule.macs_executed, network.macs)),
            "arena_bytes": (self.arena_bytes, schedule.arena_bytes),
        }
        for name, (said, found) in facts.items():
            if said != found:
                raise PlanError(f"{name}: the plan says {said}, but its segments give {found}; plan again")
        return schedule

    def cut(self) -> list[Segment]:
        """Return the segments.

        Raises
        ------
        PlanError
            When one contradicts itself; names it.
        """
        found = []
        for i, segment in enumerate(self.segments):
            try:
                found.append(segment.segment())
            except PlanError as error:
                raise PlanError(f"segments[{i}].{error}") from error
        return found

    def _check_target(self, network: Network) -> None:
        known = TARGETS.get(self.target)
        if known is None:
            raise PlanError(
                f"target: {self.target!r} is not known; there are {', '.join(TARGETS)}: plan again"
            )
        if not network.target.runs_kernels_of(known):
            raise PlanError(
                f"target: the plan was made for {self.target}, whose kernels are not those of {network.target.name}; "
                "plan again for this board"
            )


def fingerprint(network: Network) -> str:
    """Return a digest of all that a plan depends on: operators, how they read rows, shapes, inputs and outputs.

    Names do not count, so a model that was only renamed keeps its plans.
    """
    number = {name: i for i, name in enumerate(network.tensors)}
    content = [
        [[list(t.shape), t.dtype] for t in network.tensors.values()],
        [number[t] for t in network.inputs],
        [number[t] for t in network.outputs],
        [
            [
                op.kind,
                [number[t] for t in op.inputs],
                [number[t] for t in op.outputs],
                op.macs,
                op.scratch_bytes,
                op.state_bytes,
                [astuple(w) for w in op.rows],
                [op.elementwise, op.bandable, op.is_copy],
                list(op.in_place),
            ]
            for op in network.operators
        ],
    ]
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()[:32]
