"""MnasNet A1 and B1 (Tan et al., 2019), figure 7.

Exact: blocks, kernels, expansions, channels, strides, ReLU, squeeze-and-excitation of A1 with a quarter of the
block's input channels.  Approximate: the head shrinks with the width multiplier, which the paper leaves open.
"""

from __future__ import annotations

from tvm_patch.zoo.blocks import Mobile, stage

MNASNET_A1 = Mobile(
    stem=32,
    blocks=[
        *stage(16, 3, 1, 1, 1),
        *stage(24, 3, 6, 2, 2),
        *stage(40, 5, 3, 3, 2, squeeze=0.25),
        *stage(80, 3, 6, 4, 2),
        *stage(112, 3, 6, 2, 1, squeeze=0.25),
        *stage(160, 5, 6, 3, 2, squeeze=0.25),
        *stage(320, 3, 6, 1, 1),
    ],
    head=1280,
    activation="RELU",
    softmax=True,
)

MNASNET_B1 = Mobile(
    stem=32,
    blocks=[
        *stage(16, 3, 1, 1, 1),
        *stage(24, 3, 3, 3, 2),
        *stage(40, 5, 3, 3, 2),
        *stage(80, 5, 6, 3, 2),
        *stage(96, 3, 6, 2, 1),
        *stage(192, 5, 6, 4, 2),
        *stage(320, 3, 6, 1, 1),
    ],
    head=1280,
    activation="RELU",
    softmax=True,
)
