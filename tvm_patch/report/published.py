"""What others have published of the memory and the overhead of well-known networks.

Networks are told by their structure, not by the name of a file.  Figures are their authors' own, in KiB of peak SRAM;
what each counts (the input, the runtime) differs, so a point is a landmark and no measurement of ours.
"""

from __future__ import annotations

from dataclasses import dataclass

from tvm_patch.planner.network import Network

_MSF = "Huang and Baccelli, msf-CNN, NeurIPS 2025, arXiv:2505.11483"
_MCUNETV2 = "Lin et al., MCUNetV2, NeurIPS 2021, arXiv:2110.15352"
_TINYENGINE = "README of github.com/mit-han-lab/tinyengine, STM32H743"
_ST = "STMicroelectronics, STM32 AI model zoo, activation RAM with ST Edge AI"
_TIGRIS = "RAWS Labs, TiGrIS, github.com/raws-labs/tigris"

_MACS_TOLERANCE = 0.03
"""A classifier of other classes, or a convolution more, does not change where the memory peaks."""


@dataclass(frozen=True)
class PublishedPoint:
    """A published figure.

    Attributes
    ----------
    peer : str
        Who runs the network.
    kib : tuple of (float, float)
        Least and most KiB of peak memory; the same number twice where one was published.
    overhead : float or None
        Multiply-accumulates executed over those of the network; None where it was not published.
    source : str
        Where it stands.
    """

    peer: str
    kib: tuple[float, float]
    overhead: float | None
    source: str

    @property
    def label(self) -> str:
        """The point in a few words."""
        low, high = self.kib
        size = f"{low:g}" if low == high else f"{low:g}–{high:g}"
        return f"{self.peer}: {size} KiB" + (
            ", overhead unknown" if self.overhead is None else f" @ {self.overhead:.2f}"
        )


@dataclass(frozen=True)
class _Known:
    shape: tuple[int, int, int]
    depthwise: int
    macs: int
    points: tuple[PublishedPoint, ...]


def _point(peer: str, kib: float, overhead: float | None, source: str, most: float = 0.0) -> PublishedPoint:
    return PublishedPoint(peer, (kib, most or kib), overhead, source)


_NETWORKS = (
    # MobileNetV2 1.0
    _Known(
        (224, 224, 3),
        17,
        300_774_272,
        (_point("MCUNetV2", 172, 1.10, _MCUNETV2), _point("ST", 1727, 1.0, _ST)),
    ),
    # MobileNetV2 0.35
    _Known(
        (224, 224, 3),
        17,
        59_285_808,
        (_point("ST", 687, 1.0, _ST, 833), _point("TiGrIS", 301, None, _TIGRIS)),
    ),
    # mcunet-in3
    _Known(
        (176, 176, 3),
        18,
        81_785_520,
        (
            _point("msf-CNN", 156.9, 1.37, _MSF),
            _point("msf-CNN", 94.2, 1.45, _MSF),
            _point("MCUNetV2", 215, None, _MCUNETV2),
            _point("TinyEngine", 260, 1.0, _TINYENGINE),
        ),
    ),
    # mcunet-vww1
    _Known(
        (80, 80, 3),
        15,
        11_578_816,
        (
            _point("msf-CNN", 26.2, 1.11, _MSF),
            _point("msf-CNN", 15.4, 1.96, _MSF),
            _point("MCUNetV2", 45, None, _MCUNETV2),
            _point("TinyEngine", 92, 1.0, _TINYENGINE),
        ),
    ),
    # mcunet-vww0
    _Known((64, 64, 3), 14, 5_800_192, (_point("TinyEngine", 59, 1.0, _TINYENGINE),)),
    # ResNet-8 of MLPerf Tiny
    _Known((32, 32, 3), 0, 12_501_632, (_point("ST", 45, 1.0, _ST),)),
)


def published_points(network: Network) -> tuple[PublishedPoint, ...]:
    """Return what is published of a network; nothing where it is not known.

    Parameters
    ----------
    network : Network
        Recognised by the shape of its input, its depthwise convolutions and its multiply-accumulates.
    """
    if len(network.inputs) != 1:
        return ()
    shape = network.tensors[network.inputs[0]].shape[1:]
    depthwise = sum(op.kind == "depthwise_conv2d" for op in network.operators)
    for known in _NETWORKS:
        same = (shape, depthwise) == (known.shape, known.depthwise)
        if same and abs(network.macs - known.macs) <= _MACS_TOLERANCE * known.macs:
            return known.points
    return ()
