"""The legalization pipeline, also registered with Relax as ``tvm_patch_legalize``."""

from __future__ import annotations

import tvm
from tvm import relax

from relay_passes.broadcast_repeats import BroadcastRepeats
from relay_passes.fold_boundary import FoldBoundary
from relay_passes.fold_layout import FoldLayout
from relay_passes.fold_padding import FoldPadding
from relay_passes.fold_shape import FoldShape
from relay_passes.join_movement import JoinMovement
from relay_passes.legalize_quantized import LegalizeQuantized
from relay_passes.move_transposes import MoveTransposes
from relay_passes.positive_multipliers import PositiveMultipliers
from relay_passes.prune_channels import PruneChannels
from relay_passes.simplify_movement import SimplifyMovement
from relay_passes.split_to_slices import SplitToSlices
from tvm_patch.border_mode import BorderMode
from tvm_patch.tvm_types import Pass

PIPELINE = "tvm_patch_legalize"


def legalization_passes(io: BorderMode = "int8", prune: bool = True) -> list[Pass]:
    """Return the passes from QDQ Relax to the integer dialect, in order.

    Parameters
    ----------
    io : {"int8", "float"}
        Interface of the result; see :class:`relay_passes.fold_boundary.FoldBoundary`,
        :class:`relay_passes.fold_shape.FoldShape` and :class:`relay_passes.fold_layout.FoldLayout`.
    prune : bool
        Whether channels that are constant or unread leave the network.  Not for who looks at a network that is to be
        trained again.
    """
    return [
        LegalizeQuantized(),
        # Before FoldPadding: a reshape that changes nothing would hide a pad from its convolution.
        SimplifyMovement(),
        SplitToSlices(),
        # Before MoveTransposes, which has to take away what stands around a rearrangement of planes.
        JoinMovement(),
        # Then FULLY_CONNECTED reads what is transposed without a reshape between; what meets by moving is simplified.
        MoveTransposes(),
        SimplifyMovement(),
        BroadcastRepeats(),
        # Before PruneChannels: what a pad is for is known once it is the padding of a window.
        FoldPadding(),
        PositiveMultipliers(),
        *([PruneChannels()] if prune else []),
        # At the end: it reads the record of grids that LegalizeQuantized leaves, and the border must be bare by now.
        FoldBoundary(io),
        # Behind it: between a float input and its reshape or transpose may be its QUANTIZE.
        FoldShape(io),
        FoldLayout(io),
    ]


def legalization_pipeline(io: BorderMode = "int8") -> Pass:
    """Return the passes as one pass, for ``tvm.transform.Sequential`` and ``relax.build``."""
    return tvm.transform.Sequential(legalization_passes(io), name=PIPELINE)


if PIPELINE not in relax.pipeline.PIPELINE_MAP:
    relax.register_pipeline(PIPELINE)(legalization_pipeline)
