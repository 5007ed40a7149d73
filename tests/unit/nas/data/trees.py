"""Small data sets on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def paint(path: Path, size=(40, 30), color=(200, 30, 30), mode="RGB", **options) -> Path:
    """Write a picture of one colour; `size` is columns, rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).convert(mode).save(path, **options)
    return path


def class_tree(folder: Path, pictures: dict[str, int]) -> Path:
    """Write folders such as ``train/cat`` with so many pictures in each."""
    for number, (place, count) in enumerate(pictures.items()):
        for index in range(count):
            paint(folder / place / f"{index:03}.png", color=(10 * index, 20 * number, 100))
    return folder


def noise(path: Path, size=(64, 48), seed=0, **options) -> Path:
    """Write a picture of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(path, **options)
    return path
