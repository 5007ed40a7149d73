"""The whole chain for someone else's TVM script, registered with Relax as ``tvm_patch``."""

from __future__ import annotations

from collections.abc import Sequence

import tvm
from tvm import relax

from relay_passes.patch_schedule import PatchSchedule
from relay_passes.pipeline import legalization_passes
from tvm_patch.border_mode import BorderMode
from tvm_patch.lowering.lower_segments import LowerSegments
from tvm_patch.planner.plan import Plan
from tvm_patch.planner.segments import Segment
from tvm_patch.tvm_types import Pass

PIPELINE = "tvm_patch"


def lowering_pipeline(io: BorderMode = "float", plan: Plan | Sequence[Segment] | None = None) -> Pass:
    """Return one pass from quantized Relax (QDQ) to ``call_tir`` of exact integer kernels.

    Parameters
    ----------
    io : {"int8", "float"}
        Interface of the result; by default that of the module given.
    plan : Plan or sequence of Segment, optional
        What runs together, for the module under this interface; one operator after another without it.
    """
    schedule = [] if plan is None else [PatchSchedule(plan)]
    return tvm.transform.Sequential([*legalization_passes(io), *schedule, LowerSegments()], name=PIPELINE)


if PIPELINE not in relax.pipeline.PIPELINE_MAP:
    relax.register_pipeline(PIPELINE)(lowering_pipeline)
