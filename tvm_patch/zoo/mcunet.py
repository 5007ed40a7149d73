"""The MCUNet family (Lin et al., 2020).

Exact, as released by the authors: in3, vww1 and vww2 (kernels, expansions, channels, strides, resolution).
Approximate: in0, in1, in2, in4 and vww0, whose block lists are published only as files.  They follow the same
pattern at the published resolution, with MACs within a tenth of the published count.
"""

from __future__ import annotations

from typing import NamedTuple

from tvm_patch.zoo.blocks import Block, Mobile


class McuNet(NamedTuple):
    """A member of the family with its resolution and its published millions of MACs."""

    design: Mobile
    resolution: int
    classes: int
    published_mmacs: float


def _design(*blocks: Block, stem: int = 16) -> Mobile:
    """Return a network of the family: no head convolution, padding as PyTorch does it."""
    return Mobile(stem=stem, blocks=(Block(8, 3, 1), *blocks), head=0, symmetric_padding=True)


_IN3 = _design(
    Block(16, 7, 3, 2), Block(16, 3, 5), Block(16, 7, 5), Block(16, 5, 4),
    Block(24, 5, 5, 2), Block(24, 5, 5), Block(24, 5, 5),
    Block(40, 3, 5, 2), Block(40, 7, 6), Block(40, 5, 4),
    Block(48, 5, 5), Block(48, 7, 5), Block(48, 3, 5),
    Block(96, 3, 6, 2), Block(96, 7, 5), Block(96, 3, 4),
    Block(160, 7, 5),
)  # fmt: skip

_VWW1 = _design(
    Block(16, 3, 6, 2), Block(16, 3, 3), Block(16, 3, 3),
    Block(24, 7, 3, 2), Block(24, 3, 6), Block(24, 5, 5),
    Block(40, 7, 6, 2), Block(40, 7, 6),
    Block(48, 3, 6), Block(48, 3, 4),
    Block(96, 5, 5, 2), Block(96, 3, 5), Block(96, 3, 4),
    Block(160, 7, 3),
)  # fmt: skip

_VWW2 = _design(
    Block(16, 3, 3, 2), Block(16, 3, 5), Block(16, 5, 6), Block(16, 3, 3),
    Block(24, 7, 5, 2), Block(24, 5, 4), Block(24, 3, 4), Block(24, 7, 6),
    Block(40, 3, 6, 2), Block(40, 7, 6), Block(40, 5, 4), Block(40, 3, 5),
    Block(48, 5, 5), Block(48, 5, 3), Block(48, 3, 4), Block(48, 5, 3),
    Block(96, 3, 4, 2), Block(96, 5, 5), Block(96, 5, 4), Block(96, 3, 4),
    Block(160, 3, 5),
)  # fmt: skip

_IN0 = _design(
    Block(16, 3, 6, 2), Block(16, 3, 6), Block(16, 5, 5),
    Block(24, 7, 6, 2), Block(24, 5, 6), Block(24, 5, 6),
    Block(40, 7, 6, 2), Block(40, 7, 6), Block(40, 5, 5),
    Block(48, 5, 6), Block(48, 3, 6), Block(48, 5, 5),
    Block(96, 5, 6, 2), Block(96, 7, 6), Block(96, 5, 5),
    Block(160, 7, 6),
)  # fmt: skip

_IN1 = _design(
    Block(16, 3, 3, 2), Block(16, 3, 4),
    Block(24, 5, 4, 2), Block(24, 3, 4), Block(24, 5, 3),
    Block(40, 5, 5, 2), Block(40, 7, 4),
    Block(48, 5, 4), Block(48, 3, 4),
    Block(96, 5, 5, 2), Block(96, 3, 4), Block(96, 5, 4),
    Block(160, 5, 4),
)  # fmt: skip

_VWW0 = _design(
    Block(16, 3, 3, 2), Block(16, 3, 4),
    Block(24, 5, 4, 2), Block(24, 3, 5), Block(24, 5, 4),
    Block(40, 5, 5, 2), Block(40, 7, 5),
    Block(48, 5, 4), Block(48, 3, 4),
    Block(96, 5, 5, 2), Block(96, 3, 4), Block(96, 5, 4),
    Block(160, 5, 4),
)  # fmt: skip

_IN4 = _design(
    Block(24, 5, 5, 2), Block(24, 3, 6), Block(24, 5, 5),
    Block(40, 7, 6, 2), Block(40, 5, 5), Block(40, 3, 6),
    Block(48, 5, 5, 2), Block(48, 7, 5), Block(48, 5, 4),
    Block(64, 5, 5), Block(64, 7, 4), Block(64, 3, 5),
    Block(160, 5, 6, 2), Block(160, 7, 5), Block(160, 3, 4),
    Block(256, 7, 5), stem=24,
)  # fmt: skip

MCUNETS: dict[str, McuNet] = {
    "mcunet_in0": McuNet(_IN0, 48, 1000, 6.4),
    "mcunet_in1": McuNet(_IN1, 96, 1000, 12.8),
    "mcunet_in2": McuNet(_IN3, 160, 1000, 67.3),
    "mcunet_in3": McuNet(_IN3, 176, 1000, 81.8),
    "mcunet_in4": McuNet(_IN4, 160, 1000, 125.9),
    "mcunet_vww0": McuNet(_VWW0, 64, 2, 6.0),
    "mcunet_vww1": McuNet(_VWW1, 80, 2, 11.6),
    "mcunet_vww2": McuNet(_VWW2, 144, 2, 55.8),
}
