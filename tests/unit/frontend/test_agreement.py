"""Networks whose tensors contradict each other: one error that names operator, tensor and way out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.relay_passes.models import EDGES, OURS_ONLY, STOCK_TOO, single
from tvm_patch.errors import UnsupportedError
from tvm_patch.frontend.canonical import canonicalize
from tvm_patch.tflite.model import Model

ALL = {**STOCK_TOO, **OURS_ONLY, **EDGES}


def changed(model: Model, position: int, **changes) -> Model:
    """Return `model` with another input of its last operator; its output where `position` is -1."""
    op = model.operators[-1]
    index = op.outputs[0] if position < 0 else op.inputs[position]
    tensor = replace(model.tensors[index], **changes)
    return replace(model, tensors=tuple(tensor if i == index else t for i, t in enumerate(model.tensors)))


def grid(model: Model, position: int, scale: float) -> Model:
    op = model.operators[-1]
    q = model.tensors[op.outputs[0] if position < 0 else op.inputs[position]].quantization
    assert q is not None
    return changed(model, position, quantization=replace(q, scale=np.full_like(q.scale, scale)))


def ints(*values) -> dict:
    data = np.array(values, np.int32)
    return {"data": data, "shape": data.shape}


def options(model: Model, **values) -> Model:
    op = model.operators[-1]
    changed_op = replace(op, options={**op.options, **values})
    return replace(model, operators=(*model.operators[:-1], changed_op))


CASES = [
    ("relu", lambda m: changed(m, -1, shape=(1, 6, 7, 5)), "has shape [1, 6, 7, 5], the operator makes [1, 6, 7, 4]"),
    ("relu", lambda m: changed(m, -1, dtype="int32"), "integer arithmetic in RELU is not supported"),
    ("relu", lambda m: grid(m, 0, 1e30), "has scale 1e+30, which no calibration gives"),
    ("relu6", lambda m: grid(m, -1, 1e-9), "too fine for a clamp to 6"),
    ("mul_relu6", lambda m: grid(m, -1, 1e-14), "too fine for values up to 0.001 a step from 'x', 'other'"),
    ("add_broadcast", lambda m: changed(m, 1, shape=(1, 1, 1, 3)), "[1, 6, 7, 4] and [1, 1, 1, 3] do not broadcast"),
    ("conv2d_same_relu6", lambda m: changed(m, 2, shape=(4,)), "has 4 numbers for 5 channels"),
    ("conv2d_same_relu6", lambda m: options(m, stride_h=1 << 20), "stride_h is 1048576, not between 1 and 32767"),
    ("conv2d_per_tensor_dilated", lambda m: options(m, padding="VALID", dilation_h_factor=9),
     "a window reaching over [19, 5] does not fit into [6, 7]"),
    ("grouped_convolution", lambda m: changed(m, 1, shape=(6, 3, 3, 3)), "weights of shape [6, 3, 3, 3] for an input"),
    ("depthwise_multiplier", lambda m: options(m, depth_multiplier=2), "depth_multiplier is 2, but the weights"),
    ("transpose_conv", lambda m: changed(m, 0, **ints(1, 99, 14, 3)), "an output of [99, 14] comes from [50, 7]"),
    ("fully_connected", lambda m: changed(m, 1, shape=(5, 167)), "168 inputs for rows of 167 weights"),
    ("max_pool", lambda m: options(m, padding="VALID", filter_width=8), "does not fit into [6, 7]"),
    ("resize_bilinear", lambda m: options(m, align_corners=True), "align_corners and half_pixel_centers"),
    ("resize_nearest", lambda m: changed(m, 1, **ints(0, 14)), "a size of [0, 14]"),
    ("mean", lambda m: changed(m, 1, **ints(4)), "axis 4 of a tensor with 4 dimensions"),
    ("reshape", lambda m: changed(m, 1, **ints(-1, -1)), "a shape of [-1, -1]"),
    ("reshape", lambda m: changed(m, 1, **ints(5, -1)), "from [1, 6, 7, 4] to [5, -1]"),
    ("squeeze", lambda m: options(m, squeeze_dims=(1,)), "dimensions [1] of shape [1, 6, 7, 4] are not all 1"),
    ("expand_dims", lambda m: grid(m, -1, 0.06), "have different scales or zero points"),
    ("transpose", lambda m: changed(m, 1, **ints(0, 1, 1, 2)), "[0, 1, 1, 2] is not an order of 4 dimensions"),
    ("concatenation", lambda m: options(m, axis=9), "axis 9 of a tensor with 4 dimensions"),
    ("pack", lambda m: options(m, values_count=3), "2 parts, but values_count is 3"),
    ("split_v", lambda m: changed(m, 1, **ints(1, 4, 3)), "parts of [1, 4, 3] do not add up to 7"),
    ("strided_slice", lambda m: changed(m, 3, **ints(1, 0, 3, 1)), "by [1, 0, 3, 1] in shape"),
    ("strided_slice", lambda m: changed(m, 1, **ints(1, 1, 0, 0)), "has no elements"),
    ("strided_slice_masks", lambda m: changed(m, 1, **ints(0, 1, 2, 4)), "element 4 by 1 of 4 along axis 3"),
    ("gather", lambda m: changed(m, 1, **ints(3, 0, 4)), "indices from 0 to 4 into 4 elements"),
    ("tile", lambda m: changed(m, 1, **ints(1, 2, 0, 3)), "[1, 2, 0, 3] repetitions"),
    ("pad", lambda m: changed(m, 1, data=None), "is computed, not constant; make it constant"),
    ("padv2", lambda m: grid(m, 2, 0.06), "another scale or zero point than the input"),
    ("arg_max", lambda m: options(m, output_type="int16"), "output_type is int16, not int32 or int64"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "change", "message"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)]
)
def test_refused(name, change, message):
    model = single(ALL[name])
    canonicalize(model)
    with pytest.raises(UnsupportedError) as caught:
        canonicalize(change(model))
    text = str(caught.value)
    op = model.operators[-1]
    assert text.startswith(
        f"operator {op.index} ({op.kind}) making tensor '{model.tensors[op.outputs[0]].name}': "
    )
    assert message in text
    assert caught.value.way_out
