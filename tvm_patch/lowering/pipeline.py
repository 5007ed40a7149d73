"""The whole chain for someone else's TVM script, registered with Relax as ``tvm_patch``."""

from __future__ import annotations

from typing import Any

import tvm
from tvm import relax

from relay_passes.fold_boundary import BorderMode
from relay_passes.pipeline import legalization_passes
from tvm_patch.lowering.to_vm import LowerQuantized

PIPELINE = "tvm_patch"


def lowering_pipeline(io: BorderMode = "float") -> Any:
    """Return one pass from quantized Relax (QDQ) to ``call_tir`` of exact integer kernels.

    Parameters
    ----------
    io : {"int8", "float"}
        Interface of the result; by default that of the module given.
    """
    return tvm.transform.Sequential([*legalization_passes(io), LowerQuantized()], name=PIPELINE)


if PIPELINE not in relax.pipeline.PIPELINE_MAP:
    relax.register_pipeline(PIPELINE)(lowering_pipeline)
