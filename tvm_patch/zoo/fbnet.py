"""FBNet-A (Wu et al., 2019).

Exact: kernels, expansions, channels, strides, skipped layers, ReLU, a head of 1504 channels.  Approximate: three
blocks of the paper use 1 × 1 convolutions in two groups with a channel shuffle; here they are ordinary ones.
"""

from __future__ import annotations

from tvm_patch.zoo.blocks import Block, Mobile

FBNET_A = Mobile(
    stem=16,
    blocks=[
        # The first stage and the last two layers of the second are skipped altogether.
        Block(24, 3, 3, 2),
        Block(24, 3, 1),
        Block(32, 5, 6, 2),
        Block(32, 3, 3),
        Block(32, 5, 1),
        Block(32, 3, 3),
        Block(64, 5, 6, 2),
        Block(64, 5, 3),
        Block(64, 5, 1),
        Block(64, 5, 6),
        Block(112, 3, 6),
        Block(112, 5, 1),
        Block(112, 5, 3),
        Block(112, 3, 1),
        Block(184, 5, 6, 2),
        Block(184, 5, 6),
        Block(184, 5, 3),
        Block(184, 5, 6),
        Block(352, 5, 6),
    ],
    head=1504,
    activation="RELU",
    symmetric_padding=True,
)
