"""Pictures changed at random without their class changing: cut out, mirrored, in other light."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tvm_patch.nas.data.resize import Box, resized

_TRIES = 10
_GREY = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Augmentation:
    """How much pictures may be changed.

    Attributes
    ----------
    area : tuple of float
        Of the picture, the part that is cut out, at least and at most.
    aspect : tuple of float
        Width by height of what is cut out, at least and at most.
    flip : bool
        Mirror every second one; not where left and right are what it is about, as for digits.
    brightness, contrast, saturation : float
        By how much each may be multiplied, as a part: 0.2 is 0.8 to 1.2.
    """

    area: tuple[float, float] = (0.25, 1.0)
    aspect: tuple[float, float] = (3 / 4, 4 / 3)
    flip: bool = True
    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.2

    def cut(self, shape: tuple[int, ...], chance: np.random.Generator) -> Box:
        """Return what is cut out of a picture.

        Parameters
        ----------
        shape : tuple of int
            Rows, columns.
        chance : numpy.random.Generator
        """
        rows, columns = shape[:2]
        low, high = (math.log(limit) for limit in self.aspect)
        for _ in range(_TRIES):
            area = rows * columns * chance.uniform(*self.area)
            aspect = math.exp(chance.uniform(low, high))
            width, height = math.sqrt(area * aspect), math.sqrt(area / aspect)
            if width <= columns and height <= rows:
                left, top = chance.uniform(0, columns - width), chance.uniform(0, rows - height)
                return (left, top, min(left + width, columns), min(top + height, rows))
        return (0, 0, columns, rows)

    def apply(self, picture: np.ndarray, resolution: int, chance: np.random.Generator) -> np.ndarray:
        """Return a changed picture, uint8 of shape (resolution, resolution, colors).

        Parameters
        ----------
        picture : array
            uint8 of shape (rows, columns, colors).
        resolution : int
        chance : numpy.random.Generator
        """
        made = resized(picture, (resolution, resolution), self.cut(picture.shape, chance))
        if self.flip and chance.random() < 0.5:
            made = made[:, ::-1]
        return self.lit(made, chance)

    def lit(self, picture: np.ndarray, chance: np.random.Generator) -> np.ndarray:
        """Return a picture in another light.

        Parameters
        ----------
        picture : array
            uint8 of shape (rows, columns, colors).
        chance : numpy.random.Generator
        """
        if not (self.brightness or self.contrast or self.saturation):
            return picture
        strengths = (self.brightness, self.contrast, self.saturation)
        light, contrast, saturation = (chance.uniform(1 - s, 1 + s) for s in strengths)
        pixels = picture.astype(np.float32) * np.float32(light)
        if picture.shape[2] == 3:
            grey = (pixels @ _GREY)[:, :, np.newaxis]
            pixels = grey + (pixels - grey) * np.float32(saturation)
        mean = pixels.mean()
        pixels = mean + (pixels - mean) * np.float32(contrast)
        lit: np.ndarray = np.rint(pixels).clip(0, 255).astype(np.uint8)
        return lit
