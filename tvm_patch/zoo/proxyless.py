"""ProxylessNAS-Mobile (Cai et al., 2019), figure 4.

Exact: kernels, expansions, channels, strides, ReLU6, a head of 1280 channels that does not shrink with the width.
"""

from __future__ import annotations

from tvm_patch.zoo.blocks import Block, Mobile

PROXYLESS_MOBILE = Mobile(
    stem=32,
    blocks=[
        Block(16, 3, 1),
        Block(32, 5, 3, 2),
        Block(32, 3, 3),
        Block(40, 7, 3, 2),
        Block(40, 3, 3),
        Block(40, 5, 3),
        Block(40, 5, 3),
        Block(80, 7, 6, 2),
        Block(80, 5, 3),
        Block(80, 5, 3),
        Block(80, 5, 3),
        Block(96, 5, 6),
        Block(96, 5, 3),
        Block(96, 5, 3),
        Block(96, 5, 3),
        Block(192, 7, 6, 2),
        Block(192, 7, 6),
        Block(192, 7, 3),
        Block(192, 7, 3),
        Block(320, 7, 6),
    ],
    head=1280,
    symmetric_padding=True,
    fixed_head=True,
)
