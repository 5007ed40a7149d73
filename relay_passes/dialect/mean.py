"""mean over any axes, with a rescaling (TFLite reduce.h)."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from relay_passes.dialect.extremum import reduction
from relay_passes.dialect.ops import OpDef, build_call, define
from relay_passes.dialect.reference import Array, Operator, int_list
from relay_passes.dialect.rules import island_rule
from relay_passes.dialect.shapes import reduce_axes
from relay_passes.dialect.weighted import int8_only
from relay_passes.island import Island
from tvm_patch.integer import MEAN_FORMULA, mean_attrs, multiply_by_quantized_multiplier


def _mean(op: Operator, args: dict[str, Array]) -> Array:
    """Return the mean over axes; :data:`tvm_patch.integer.params.MEAN_FORMULA` states the formula."""
    attrs = op.attrs
    if attrs["formula"] != MEAN_FORMULA:
        raise ValueError(f"mean has no formula {attrs['formula']}")
    axes = tuple(int_list(attrs["axes"]))
    data = args["data"].astype(np.int64)
    count = int(np.prod([data.shape[a] for a in axes], dtype=np.int64))
    total = data.sum(axis=axes, keepdims=bool(attrs["keepdims"])) - int(attrs["input_zero_point"]) * count
    scaled = multiply_by_quantized_multiplier(total, attrs["multiplier"], attrs["shift"]).astype(np.int64)
    return np.clip(scaled + int(attrs["output_zero_point"]), -128, 127).astype(np.int8)


define(
    # axes sorted, non-negative.  The exact formula (LiteRT has two) is chosen by `formula`; see tvm_patch.integer.
    OpDef(
        "mean",
        arguments=("data",),
        constants=(),
        attributes=(
            "axes",
            "keepdims",
            "input_zero_point",
            "output_zero_point",
            "multiplier",
            "shift",
            "formula",
        ),
        infer_shape=reduce_axes,
        reference=_mean,
    )
)


@island_rule("relax.mean")
def mean(island: Island) -> Any | None:
    """Match ``quantize(mean(dequantize, axes))``."""
    data = None if island.has_clip else island.operand(island.body.args[0])
    if data is None:
        return None
    int8_only(island, data)
    where = reduction(island.body, len(data.shape))
    count = prod(data.shape[a] for a in where["axes"])
    scaling = mean_attrs(data.scale, data.zero_point, island.out.scale, island.out.zero_point, count)
    return build_call("mean", [data.expr], **where, **scaling)
