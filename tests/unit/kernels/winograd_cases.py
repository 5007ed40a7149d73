"""Random 3×3 convolutions that Winograd's kernel takes: widths, channels and weights from the usual to the extreme."""

from __future__ import annotations

import numpy as np

from tests.unit.kernels import geometry
from tests.unit.kernels.batch import Case, make_case
from tvm_patch.kernels.c.conv2d_winograd import WinogradConv2d


def winograd(rng: geometry.Rng) -> Case:
    """Any 3×3 convolution at stride 1 with whole fours of channels, one column of outputs to many."""
    height, width = geometry.pick(rng, (1, 2, 3, 5)), geometry.pick(rng, (1, 2, 3, 4, 5, 7, 8, 9, 13, 17, 20))
    inputs, outputs = geometry.pick(rng, (4, 8, 12, 16, 28)), geometry.pick(rng, (2, 3, 4, 8, 9))
    top, bottom = geometry.window(rng, height, 3, 1, 1)
    left, right = geometry.window(rng, width, 3, 1, 1)
    data, weight = geometry.int8(rng, 1, height, width, inputs), weights(rng, outputs, inputs)
    attrs = {"strides": [1, 1], "dilation": [1, 1], "padding": [top, left, bottom, right]}
    constants = {"weight": weight, **geometry.rescaling(rng, outputs, weight[0].size)}
    return make_case("conv2d", [data], {**attrs, **geometry.zero_points(rng)}, constants)


def weights(rng: geometry.Rng, outputs: int, inputs: int) -> np.ndarray:
    """Return filters: random ones, or ends of int8 only, all alike or of any sign."""
    shape = (outputs, 3, 3, inputs)
    family = rng.integers(5)
    if family < 3:
        return np.full(shape, (-128, -127, 127)[family], np.int8)
    if family == 3:
        return rng.choice(np.array([-128, 127], np.int8), shape)
    return rng.integers(-128, 128, shape, dtype=np.int8)


def cases_of(seed: int, count: int, *, tiles: int, dual: bool) -> list[Case]:
    """Return cases with so many tiles at a time, or as many as their rows have."""
    found = []
    for case in geometry.batch_of(winograd, seed, 6 * count):
        if not WinogradConv2d.accepts(case.op) or len(found) == count:
            continue
        case.kernel = WinogradConv2d(
            case.op, {"tiles": min(tiles, case.op.outputs[0].shape[2] // 2), "dual": dual}
        )
        found.append(case)
    assert len(found) == count
    return found
