"""Which schedules a search may choose among, and the best of them for an architecture."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from tvm_patch.errors import PlanError
from tvm_patch.input_mode import InputMode
from tvm_patch.nas.architecture import Architecture
from tvm_patch.nas.cost import Cost
from tvm_patch.nas.limits import Limits
from tvm_patch.nas.patched import best_patched
from tvm_patch.nas.record import Part
from tvm_patch.nas.schedule import ByPlanner, InPatches, LayerByLayer
from tvm_patch.nas.tflm import tflm_arena
from tvm_patch.targets import Target

Kind = Literal["tflm", "layers", "patches", "planner"]


class Chosen(NamedTuple):
    """A schedule of an architecture, and what running it so takes."""

    schedule: LayerByLayer | InPatches | ByPlanner
    cost: Cost


class How(Part):
    """What an architecture may be run with.

    Attributes
    ----------
    kind : {"tflm", "layers", "patches", "planner"}
        One layer after another in the arena that TFLite Micro plans (:mod:`tvm_patch.nas.tflm`); the same in ours; the
        best p×p patches, as MCUNetV2 has them; whatever the planner finds.
    mode : {"resident", "rereadable", "streamed"}
        Where the picture comes from.
    max_overhead : float
        Most multiply-accumulates executed over those of the network.
    """

    kind: Kind = "planner"
    mode: InputMode = "resident"
    max_overhead: Annotated[float, Field(ge=1, le=16, allow_inf_nan=False)] = 1.1

    def best(self, architecture: Architecture, target: Target, limits: Limits | None = None) -> Chosen:
        """Return the schedule with the least arena, or layer by layer where that is within the limits.

        Parameters
        ----------
        architecture : Architecture
        target : Target
            What it runs on.
        limits : Limits, optional
            Where one layer after another fits, nothing else is looked for: it is the fastest.

        Raises
        ------
        PlanError
            When patches are asked for and the picture comes only once.
        """
        plain = LayerByLayer(mode=self.mode)
        cost = plain.cost(architecture, target)
        if self.kind == "tflm":
            if self.mode != "resident":
                raise PlanError("TFLite Micro keeps the whole picture in the arena; use resident")
            return Chosen(plain, replace(cost, arena_bytes=tflm_arena(architecture)))
        if self.kind == "layers" or (limits is not None and limits.fits(cost)):
            return Chosen(plain, cost)
        if self.kind == "planner":
            planner = ByPlanner(mode=self.mode, max_overhead=self.max_overhead)
            return Chosen(planner, planner.cost(architecture, target))
        if self.mode == "streamed":
            raise PlanError("patches read rows again, which a streamed input does not give; use rereadable")
        return Chosen(*best_patched(architecture, target, self.mode, self.max_overhead))
