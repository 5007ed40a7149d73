"""The list of architectures and the one way to build them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

from tvm_patch.errors import UserError
from tvm_patch.tflite.model import Model
from tvm_patch.zoo.blocks import Mobile, build_mobile
from tvm_patch.zoo.fbnet import FBNET_A
from tvm_patch.zoo.mcunet import MCUNETS
from tvm_patch.zoo.mlperf_ad import build_autoencoder
from tvm_patch.zoo.mlperf_kws import build_ds_cnn
from tvm_patch.zoo.mlperf_resnet8 import build_resnet8
from tvm_patch.zoo.mlperf_vww import build_mobilenet_v1
from tvm_patch.zoo.mnasnet import MNASNET_A1, MNASNET_B1
from tvm_patch.zoo.mobilenet_v2 import MOBILENET_V2
from tvm_patch.zoo.proxyless import PROXYLESS_MOBILE

#: Builds a model from name, width, resolution, classes and seed.
Builder = Callable[[str, float, int, int, int], Model]

_MAX_WIDTH = 4.0
_MAX_CLASSES = 10_000


@dataclass(frozen=True)
class ZooEntry:
    """One architecture.

    Parameters
    ----------
    description : str
        What it is, in one line.
    builder : callable
        Takes name, width, resolution, classes and seed.
    width : float
        Default width multiplier.
    resolution : int
        Default input height and width in pixels (frames or values where the input is not a picture).
    classes : int
        Default number of outputs.
    resolutions : tuple of int
        Least and greatest resolution.
    published_mmacs : float, optional
        Millions of multiply-accumulates of the default network according to its authors.
    """

    description: str
    builder: Builder
    width: float = 1.0
    resolution: int = 224
    classes: int = 1000
    resolutions: tuple[int, int] = (32, 512)
    published_mmacs: float | None = None


def _mobile(
    description: str, design: Mobile, mmacs: float | None, resolution: int = 224, classes: int = 1000
) -> ZooEntry:
    def builder(name: str, width: float, resolution: int, classes: int, seed: int) -> Model:
        return build_mobile(name, design, width, resolution, classes, seed)

    return ZooEntry(description, builder, resolution=resolution, classes=classes, published_mmacs=mmacs)


ARCHITECTURES: dict[str, ZooEntry] = {
    "mobilenet_v2": _mobile("MobileNetV2", MOBILENET_V2, 300),
    "mnasnet_a1": _mobile("MnasNet-A1, with squeeze-and-excitation", MNASNET_A1, 312),
    "mnasnet_b1": _mobile("MnasNet-B1", MNASNET_B1, 315),
    "fbnet_a": _mobile("FBNet-A", FBNET_A, 249),
    "proxyless_mobile": _mobile("ProxylessNAS-Mobile", PROXYLESS_MOBILE, 320),
    **{
        name: _mobile(
            f"MCUNet, {name.split('_')[1]}", net.design, net.published_mmacs, net.resolution, net.classes
        )
        for name, net in MCUNETS.items()
    },
    "mlperf_ic": ZooEntry(
        "MLPerf Tiny image classification, ResNet-8", build_resnet8, 1.0, 32, 10, (8, 512), 12.5
    ),
    "mlperf_vww": ZooEntry(
        "MLPerf Tiny visual wake words, MobileNetV1", build_mobilenet_v1, 0.25, 96, 2, (32, 512), 7.5
    ),
    "mlperf_kws": ZooEntry("MLPerf Tiny keyword spotting, DS-CNN", build_ds_cnn, 1.0, 49, 12, (10, 512), 2.7),
    "mlperf_ad": ZooEntry(
        "MLPerf Tiny anomaly detection, autoencoder", build_autoencoder, 1.0, 640, 640, (8, 4096), 0.26
    ),
}


def build(
    name: str,
    width: float | None = None,
    resolution: int | None = None,
    classes: int | None = None,
    seed: int = 0,
) -> Model:
    """Build an architecture with random weights.

    Parameters
    ----------
    name : str
        Key in :data:`ARCHITECTURES`; hyphens are read as underscores.
    width : float, optional
        Multiplier of the channel counts, above 0 and at most 4; the architecture's own by default.
    resolution : int, optional
        Input height and width in pixels; the architecture's own by default.
    classes : int, optional
        Number of outputs; the architecture's own by default.
    seed : int
        Seed of weights and calibration; equal seeds give equal models.

    Returns
    -------
    Model
        One int8 input, one int8 output.

    Raises
    ------
    UserError
        An unknown name, or a parameter out of range.
    """
    name = name.replace("-", "_")
    entry = ARCHITECTURES.get(name)
    if entry is None:
        raise UserError(f"no architecture {name}; there are {', '.join(ARCHITECTURES)}")
    width = entry.width if width is None else width
    resolution = entry.resolution if resolution is None else resolution
    classes = entry.classes if classes is None else classes
    if not (isfinite(width) and 0 < width <= _MAX_WIDTH):
        raise UserError(f"width {width} is not above 0 and at most {_MAX_WIDTH:g}")
    least, most = entry.resolutions
    if not least <= resolution <= most:
        raise UserError(f"resolution {resolution} of {name} is not within {least} to {most}")
    if not 1 <= classes <= _MAX_CLASSES:
        raise UserError(f"{classes} classes are not within 1 to {_MAX_CLASSES}")
    if seed < 0:
        raise UserError(f"seed {seed} is negative")
    return entry.builder(name, width, resolution, classes, seed)
