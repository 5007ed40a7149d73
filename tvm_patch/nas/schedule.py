"""How an architecture runs: what a joint search chooses beside the architecture."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Protocol

from pydantic import Field

from tvm_patch.input_mode import InputMode
from tvm_patch.nas.architecture import Architecture
from tvm_patch.nas.cost import Cost, layer_cost, patched_cost
from tvm_patch.nas.planned import planned
from tvm_patch.nas.record import Part, Record
from tvm_patch.planner.choose import Request
from tvm_patch.targets import Target


class HowToRun(Protocol):
    """What every schedule can say."""

    def cost(self, architecture: Architecture, target: Target) -> Cost:
        """Return what an architecture takes when it runs so.

        Raises
        ------
        PlanError
            When it cannot.
        """

    def request(self) -> Request:
        """Return what the compiler is asked for so that it runs so."""


class LayerByLayer(Part):
    """One layer after another.

    Attributes
    ----------
    mode : {"resident", "rereadable", "streamed"}
        Where the picture comes from.
    """

    how: Literal["layers"] = "layers"
    mode: InputMode = "resident"

    def cost(self, architecture: Architecture, target: Target) -> Cost:
        """Return what an architecture takes; see :class:`HowToRun`."""
        return layer_cost(architecture, target, self.mode)

    def request(self) -> Request:
        """Return what the compiler is asked for."""
        return Request(self.mode, "layer", "memory")


class InPatches(Part):
    """The first layers in p×p patches, as MCUNetV2 runs them, the others one after another.

    Attributes
    ----------
    patches : int
        Along each axis.
    layers : int
        How many run in patches.
    mode : {"resident", "rereadable"}
        Where the picture comes from.
    """

    how: Literal["patches"] = "patches"
    patches: Annotated[int, Field(ge=1, le=64, strict=True)]
    layers: Annotated[int, Field(ge=1, le=2048, strict=True)]
    mode: Literal["resident", "rereadable"] = "resident"

    def cost(self, architecture: Architecture, target: Target) -> Cost:
        """Return what an architecture takes; see :class:`HowToRun`."""
        return patched_cost(architecture, target, self.patches, self.layers, self.mode)

    def request(self) -> Request:
        """Return what the compiler is asked for."""
        return Request(self.mode, "mcunetv2", "memory", patches=self.patches, layers=self.layers)


class ByPlanner(Part):
    """The plan with little arena that the planner finds.

    Attributes
    ----------
    mode : {"resident", "rereadable", "streamed"}
        Where the picture comes from.
    max_overhead : float
        Most multiply-accumulates executed over those of the network.
    """

    how: Literal["planner"] = "planner"
    mode: InputMode = "resident"
    max_overhead: Annotated[float, Field(ge=1, le=16, allow_inf_nan=False)] = 1.1

    def cost(self, architecture: Architecture, target: Target) -> Cost:
        """Return what an architecture takes, by the planner's quick answer; see :class:`HowToRun`."""
        return planned(architecture, target, self.mode, self.max_overhead).cost

    def request(self) -> Request:
        """Return what the compiler is asked for."""
        return Request(self.mode, "auto", "memory", max_overhead=self.max_overhead)


Schedule = Annotated[LayerByLayer | InPatches | ByPlanner, Field(discriminator="how")]


class Candidate(Record):
    """An architecture and how it runs.

    Attributes
    ----------
    architecture : Architecture
    schedule : LayerByLayer or InPatches or ByPlanner
    """

    kind: ClassVar[str] = "candidate"
    format: Literal["tvm-patch candidate"] = "tvm-patch candidate"
    version: Literal[1] = 1
    architecture: Architecture
    schedule: Schedule = LayerByLayer()

    def cost(self, target: Target) -> Cost:
        """Return what it takes.

        Raises
        ------
        PlanError
            When the architecture cannot run so.
        """
        return self.schedule.cost(self.architecture, target)
