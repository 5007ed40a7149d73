"""Pictures scaled, whole or in part."""

from __future__ import annotations

from typing import Any

import numpy as np

from tvm_patch.errors import ToolMissingError

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels and parts of them."""


def pillow() -> Any:
    """Return Pillow's module of images.

    Raises
    ------
    ToolMissingError
        It is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ToolMissingError(
            "pictures need Pillow; install it with: pip install 'tvm-patch[nas]'"
        ) from error
    return Image


def resized(picture: np.ndarray, size: tuple[int, int], box: Box | None = None) -> np.ndarray:
    """Return a picture, or what a box cuts out of it, scaled; every pixel counts where it shrinks.

    Parameters
    ----------
    picture : array
        uint8 of shape (rows, columns, colors).
    size : tuple of int
        Rows and columns of what is made.
    box : tuple of float, optional
        Left, top, right, bottom.
    """
    image = pillow()
    rows, columns, colors = picture.shape
    if picture.shape[:2] == size and box in (None, (0, 0, columns, rows)):
        return picture
    source = image.fromarray(picture[:, :, 0] if colors == 1 else picture)
    scaled = np.asarray(source.resize((size[1], size[0]), image.Resampling.BILINEAR, box=box))
    return scaled.reshape(*size, colors)


def central(shape: tuple[int, ...], part: float = 1.0) -> Box:
    """Return the square in the middle of a picture.

    Parameters
    ----------
    shape : tuple of int
        Rows, columns.
    part : float
        Of the largest such square's side.
    """
    rows, columns = shape[:2]
    side = min(rows, columns) * part
    left, top = (columns - side) / 2, (rows - side) / 2
    return (left, top, left + side, top + side)
