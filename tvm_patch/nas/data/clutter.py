"""Scenes full of things that are nearly digits, drawn by a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tvm_patch.nas.data.resize import pillow, resized

Glyphs = np.ndarray
"""Digits, uint8 of shape (digits, rows, columns)."""


@dataclass(frozen=True)
class Scenery:
    """How scenes are drawn.

    Attributes
    ----------
    side : int
        Rows and columns of a scene.
    digits : tuple of int
        Pixels that a digit is high, at least and at most.
    margin : int
        Pixels at the border where no digit is, so that a picture may be cut a little.
    strokes, parts : tuple of int
        How many strokes and parts of digits lie about, at least and at most.
    noise : float
        Standard deviation of what is added to every pixel.
    """

    side: int = 112
    digits: tuple[int, int] = (14, 22)
    margin: int = 8
    strokes: tuple[int, int] = (3, 7)
    parts: tuple[int, int] = (2, 5)
    noise: float = 6.0

    def background(self, chance: np.random.Generator) -> np.ndarray:
        """Return a scene without digits, float32 of shape (side, side)."""
        side = self.side
        coarse = chance.uniform(20, 120, (5, 5)).astype(np.uint8)
        scene = resized(coarse[:, :, np.newaxis], (side, side))[:, :, 0].astype(np.float32)
        for _ in range(chance.integers(*self.strokes, endpoint=True)):
            self._stroke(scene, chance)
        return scene

    def _stroke(self, scene: np.ndarray, chance: np.random.Generator) -> None:
        """Draw a bent stroke as wide as those of digits."""
        start = chance.uniform(0, self.side, 2)
        angle, length = chance.uniform(0, 2 * np.pi), chance.uniform(6, 20)
        bend = chance.uniform(-0.6, 0.6) * length
        ahead = np.array([np.cos(angle), np.sin(angle)])
        aside = np.array([-ahead[1], ahead[0]])
        along = np.linspace(0, 1, 2 * int(length) + 2)[:, np.newaxis]
        path = start + ahead * length * along + aside * bend * 4 * along * (1 - along)
        width, light = int(chance.integers(1, 3)), chance.uniform(130, 255)
        points = np.rint(path).astype(int)
        for down in range(width):
            for right in range(width):
                rows, columns = points[:, 0] + down, points[:, 1] + right
                inside = (rows >= 0) & (rows < self.side) & (columns >= 0) & (columns < self.side)
                scene[rows[inside], columns[inside]] = light

    def part(self, scene: np.ndarray, glyph: np.ndarray, chance: np.random.Generator) -> None:
        """Draw the upper or the lower half of a digit somewhere; it is lower than any whole digit."""
        whole = enlarged(glyph, int(chance.integers(*self.digits, endpoint=True)))
        middle = whole.shape[0] // 2
        half = whole[:middle] if chance.random() < 0.5 else whole[middle:]
        top, left = (int(chance.integers(0, self.side - extent)) for extent in half.shape)
        paste(scene, half, top, left, chance.uniform(150, 255))

    def finish(self, scene: np.ndarray, chance: np.random.Generator) -> np.ndarray:
        """Return a scene with its noise, uint8."""
        noise = chance.standard_normal(scene.shape, np.float32) * np.float32(self.noise)
        finished: np.ndarray = np.rint(scene + noise).clip(0, 255).astype(np.uint8)
        return finished


def enlarged(glyph: np.ndarray, height: int) -> np.ndarray:
    """Return a digit without its empty borders, so many rows high, float32 from 0 to 1."""
    rows = np.nonzero(glyph.any(1))[0]
    columns = np.nonzero(glyph.any(0))[0]
    tight = glyph[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    width = max(2, round(height * tight.shape[1] / tight.shape[0]))
    image = pillow()
    scaled = image.fromarray(tight).resize((width, height), image.Resampling.BICUBIC)
    return np.asarray(scaled, np.float32) / 255


def paste(scene: np.ndarray, cover: np.ndarray, top: int, left: int, light: float) -> None:
    """Draw a digit over a scene; what it covers only in part shines through."""
    place = scene[top : top + cover.shape[0], left : left + cover.shape[1]]
    place += cover * (np.float32(light) - place)
