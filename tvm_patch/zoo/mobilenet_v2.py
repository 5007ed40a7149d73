"""MobileNetV2 (Sandler et al., 2018), table 2.

Exact: blocks, channels, strides, ReLU6, SAME padding as in the TensorFlow version, a head of 1280 channels that
does not shrink with the width.
"""

from __future__ import annotations

from tvm_patch.zoo.blocks import Mobile, stage

MOBILENET_V2 = Mobile(
    stem=32,
    blocks=[
        *stage(16, 3, 1, 1, 1),
        *stage(24, 3, 6, 2, 2),
        *stage(32, 3, 6, 3, 2),
        *stage(64, 3, 6, 4, 2),
        *stage(96, 3, 6, 3, 1),
        *stage(160, 3, 6, 3, 2),
        *stage(320, 3, 6, 1, 1),
    ],
    head=1280,
    softmax=True,
    fixed_head=True,
)
