"""The real networks of ../shared and the inputs they are tried with."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from tests.conftest import SHARED
from tvm_patch.driver import Artifact, random_inputs
from tvm_patch.driver.domain import quantized

QUICK = (
    "mcunet-vww1-tinyengine-80",
    "mcunet-persondet-128x160",
    "mlperf-vww-96",
    "mlperf-ic-resnet8-32",
    "mlperf-kws-dscnn",
    "mlperf-ad01",
    "mlperf-sww",
    "tflm-micro-speech",
    "mltk-kws-mbv2",
    "openmv-fomo-face-96",
)
"""Run by `make test`; together they use most operators."""


@cache
def index() -> dict[str, dict[str, str]]:
    """Return INDEX.csv by model name; empty where the shared folder is absent."""
    path = SHARED / "models" / "INDEX.csv"
    if not path.is_file():
        return {}
    with path.open(newline="") as stream:
        return {row["name"]: row for row in csv.DictReader(stream)}


def all_networks() -> list[str]:
    """Names of all real networks, those of QUICK even where the folder is absent (they then skip)."""
    return sorted(set(index()) | set(QUICK))


def takes_pictures(shape: Sequence[int]) -> bool:
    """Tell whether an input looks like a picture: NHWC of 1 or 3 channels and some size."""
    return len(shape) == 4 and shape[3] in (1, 3) and min(shape[1:3]) >= 32


def extreme_inputs(artifact: Artifact) -> list[list[np.ndarray]]:
    """All lowest and all highest values that the model's own input can have."""
    sets = []
    for pick in (np.min, np.max):
        drawn = random_inputs(artifact, 1, seed=99)[0]
        sets.append([np.full_like(x, pick(x)) for x in drawn])
    return sets


def picture_inputs(artifact: Artifact, count: int) -> list[list[np.ndarray]]:
    """Real pictures, resized and quantized as the model's input asks; none for other inputs."""
    from PIL import Image

    meta = artifact.metadata
    (mine,), (model,) = meta.inputs, meta.model_inputs
    if not takes_pictures(mine.shape):
        return []
    _, height, width, channels = mine.shape
    if not (SHARED / "images").is_dir():
        return [[_quantized(p, model, mine)] for p in _drawn_pictures(count, height, width, channels)]
    pictures = sorted(p for p in (SHARED / "images").iterdir() if p.suffix in (".png", ".jpg"))
    chosen = [pictures[(i * 7 + 3) % len(pictures)] for i in range(count)]
    return [[_quantized(_pixels(Image, p, width, height, channels), model, mine)] for p in chosen]


def _drawn_pictures(count: int, height: int, width: int, channels: int) -> list[np.ndarray]:
    """Pictures for machines that have none: slopes of colour, as float32 0..255."""
    y, x = np.mgrid[0:height, 0:width]
    tilts = np.arange(1, channels + 1)
    return [
        ((x[..., None] * (k + 1) + y[..., None] * tilts) * 3 % 256).astype(np.float32)[None]
        for k in range(count)
    ]


def _pixels(image, path: Path, width: int, height: int, channels: int) -> np.ndarray:
    with image.open(path) as picture:
        resized = picture.convert("L" if channels == 1 else "RGB").resize((width, height))
        return np.asarray(resized, np.float32).reshape(1, height, width, channels)


def _quantized(pixels: np.ndarray, model: dict, mine: dict) -> np.ndarray:
    if model.dtype == "uint8":
        return quantized(pixels.astype(np.uint8), model, mine)
    # Stretch black..white over the input's quantized range: any trained scaling does nearly that.
    return np.clip(np.rint(pixels) - 128, -128, 127).astype(np.int8)


def eight_inputs(artifact: Artifact) -> list[list[np.ndarray]]:
    """Eight input sets: extremes, pictures where the network takes them, random for the rest."""
    sets = extreme_inputs(artifact)
    if len(artifact.metadata.inputs) == 1:
        sets += picture_inputs(artifact, 3)
    return sets + random_inputs(artifact, 8 - len(sets), seed=1)
