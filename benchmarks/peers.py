"""What the peers need: published figures, and counts measured once with their own code, cited as data.

Counts are instructions of one inference on ``qemu-system-arm -M mps2-an500 -cpu cortex-m7``, gcc 12.2, -O3 or -Ofast,
input in RAM, as this project's own (``shared/DESIGN.md``, section 10).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerGoal:
    """A single layer.

    Attributes
    ----------
    name : str
        For people.
    kind : {"conv", "depthwise"}
    numbers : dict of str to int
        Geometry: ``h, w, c``, for a convolution ``o``, kernel ``kh, kw`` and stride ``s``.
    peer : float
        Instructions per multiply-accumulate of the best kernel of a peer whose results are exact.
    goal : float
        What this project means to reach.
    """

    name: str
    kind: str
    numbers: dict[str, int]
    peer: float
    goal: float


def _conv(h: int, c: int, o: int, k: int = 1, s: int = 1) -> dict[str, int]:
    return {"h": h, "w": h, "c": c, "o": o, "kh": k, "kw": k, "s": s}


def _depthwise(h: int, c: int, k: int, s: int) -> dict[str, int]:
    return {"h": h, "w": h, "c": c, "kh": k, "kw": k, "s": s}


LAYERS = (
    LayerGoal("1×1, 48×48×16→96", "conv", _conv(48, 16, 96), 3.91, 1.6),
    LayerGoal("1×1, 48×48×96→16", "conv", _conv(48, 96, 16), 1.81, 1.05),
    LayerGoal("1×1, 12×12×144→24", "conv", _conv(12, 144, 24), 1.69, 1.05),
    LayerGoal("1×1, 5×5×40→240", "conv", _conv(5, 40, 240), 2.68, 1.25),
    LayerGoal("dw 3×3 s1, 48×48×96", "depthwise", _depthwise(48, 96, 3, 1), 8.04, 2.5),
    LayerGoal("dw 3×3 s2, 48×48×96", "depthwise", _depthwise(48, 96, 3, 2), 8.10, 3.0),
    LayerGoal("dw 5×5 s1, 24×24×96", "depthwise", _depthwise(24, 96, 5, 1), 4.68, 2.0),
    LayerGoal("dw 5×5 s2, 24×24×96", "depthwise", _depthwise(24, 96, 5, 2), 5.51, 2.2),
    LayerGoal("dw 7×7 s2, 20×20×48", "depthwise", _depthwise(20, 48, 7, 2), 4.09, 1.8),
    LayerGoal("dw 7×7 s1, 5×5×240", "depthwise", _depthwise(5, 240, 7, 1), 4.06, 1.8),
    LayerGoal("conv 3×3 s2, 160×160×3→16", "conv", _conv(160, 3, 16, 3, 2), 2.79, 1.4),
    LayerGoal("conv 3×3 s1, 32×32×16→16", "conv", _conv(32, 16, 16, 3, 1), 2.33, 1.15),
)


@dataclass(frozen=True)
class NetworkGoal:
    """A whole network; instructions of one inference, bytes.

    Attributes
    ----------
    tflm : int
        TensorFlow Lite Micro with CMSIS-NN (exact).
    tinyengine : int or None
        TinyEngine's float form, its default (not exact), where it runs.
    layer, plan : int or None
        Goals: layer by layer, and under the plan of least memory with an overhead of at most 1.05.
    flash : int or None
        Flash of TinyEngine's code and constants.
    """

    tflm: int
    tinyengine: int | None
    layer: int
    plan: int | None
    flash: int | None = None


NETWORKS = {
    "mcunet-vww1-tinyengine-80": NetworkGoal(47_400_000, 34_500_000, 19_500_000, 22_000_000, 510_720),
    "mcunet-persondet-128x160": NetworkGoal(72_700_000, 54_600_000, 31_000_000, 35_000_000, 213_840),
    "mlperf-vww-96": NetworkGoal(24_000_000, None, 11_500_000, 13_000_000),
    "mlperf-ic-resnet8-32": NetworkGoal(29_900_000, None, 16_000_000, 18_000_000),
    "mlperf-kws-dscnn": NetworkGoal(7_640_000, None, 3_900_000, None),
    "mlperf-ad01": NetworkGoal(583_000, 770_000, 400_000, None),
    "mcunetv2-large-se-224": NetworkGoal(832_000_000, 557_000_000, 350_000_000, 400_000_000),
}
"""By file name in ``shared/models``."""


@dataclass(frozen=True)
class PublishedPlan:
    """Memory that others have published for a network, with the input not in memory.

    Attributes
    ----------
    who : str
    kib : float
        Peak memory in KiB.
    overhead : float
        Multiply-accumulates executed over those of the network; 1 where nothing is said of any.
    """

    who: str
    kib: float
    overhead: float = 1.0


PUBLISHED = {
    "coral-tf2-mbv2-100-224": (PublishedPlan("MCUNetV2", 172, 1.10), PublishedPlan("ST model zoo", 1727)),
    "mcunet-in3-320kb1mb-176": (
        PublishedPlan("msf-CNN", 156.9, 1.37),
        PublishedPlan("msf-CNN", 94.2, 1.45),
        PublishedPlan("MCUNetV2", 215),
        PublishedPlan("TinyEngine", 260),
    ),
    "mcunet-vww1-tinyengine-80": (
        PublishedPlan("msf-CNN", 26.2, 1.11),
        PublishedPlan("msf-CNN", 15.4, 1.96),
        PublishedPlan("MCUNetV2", 45),
    ),
}
"""By file name in ``shared/models``; collected in ``shared/DESIGN.md``, section 6."""
