"""Numbers that describe a config of a kernel to the cost model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tvm_patch.kernels import Kernel

KNOBS = (
    "pixels",
    "group",
    "unroll",
    "direct",
    "dual",
    "block",
    "outputs",
    "tile_channels",
    "tile_columns",
    "flatten",
)
"""Parameters that any kernel has; -1 stands for those that this one has not."""


def features_of(kernel: Kernel, config: Mapping[str, int]) -> np.ndarray:
    """Return float32 numbers: sizes of the operator, the config, and what of them fits how well.

    Parameters
    ----------
    kernel : Kernel
        The operator's.
    config : mapping of str to int
        The candidate.
    """
    op = kernel.op
    _, _, width, channels = (1, 1, 1, *op.outputs[0].shape)[-4:]
    weight = op.constants.get("weight")
    window = weight.shape[1:3] if weight is not None and weight.ndim == 4 else (1, 1)
    inputs = op.inputs[0].shape[-1]
    stride = int(op.attrs["strides"][1]) if "strides" in op.attrs else 1
    sizes = [np.log2(max(1, kernel.macs)), width, channels, inputs, *window, stride]
    knobs = [float(config.get(k, -1)) for k in KNOBS]
    # What is left over where tiles do not divide a row, and how often an unrolled loop is entered half-way.
    tile = max(1, config.get("pixels", config.get("outputs", config.get("tile_columns", 1))))
    block = max(1, config.get("block", width))
    quads = max(1, window[0] * window[1] * inputs // 4)
    unroll = max(1, config.get("unroll", 1))
    fits = [width % tile, block % tile, width % block, width / block, quads % unroll, quads / unroll]
    scratch = type(kernel)(op, {**kernel.config, **config}).scratch_bytes
    traits = [float(bool(v)) for _, v in sorted(kernel.traits.items())]
    row = [*sizes, *knobs, *fits, scratch, *traits, *[0.0] * (2 - len(traits))]
    return np.asarray(row, np.float32)
