"""Picture files of all kinds as pixels: upright, grey or RGB, 8 bits, no larger than is useful."""

from __future__ import annotations

import math
import os
import struct
import zlib
from typing import Any

import numpy as np

from tvm_patch.errors import InputError
from tvm_patch.nas.data.resize import pillow

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".ppm", ".pgm", ".tif", ".tiff")
"""What names of pictures end with."""
LARGEST = 256
"""The short side to which larger pictures are reduced at once."""
_DAMAGED = (OSError, ValueError, EOFError, SyntaxError, MemoryError, OverflowError, TypeError, KeyError, IndexError,
            AttributeError, struct.error, zlib.error)  # fmt: skip
"""What Pillow raises for files that are cut off or changed; it documents none of it."""
_SIXTEEN_BITS = 65535
_SIDEWAYS = (5, 6, 7, 8)
"""Orientations of EXIF that change rows and columns."""
_ORIENTATION = 0x0112


def decode(path: str | os.PathLike[str], colors: int, largest: int = LARGEST) -> np.ndarray:
    """Return a picture, uint8 of shape (rows, columns, colors), upright as its EXIF says.

    What is transparent is shown on white, 16 bits of grey become 8, CMYK becomes RGB; of several frames the first
    counts.

    Parameters
    ----------
    path : path
    colors : int
        1 or 3.
    largest : int
        A short side beyond this is reduced to it.

    Raises
    ------
    InputError
        It cannot be read; names the file.
    """
    from PIL import ImageOps

    image = pillow()

    def read(picture: Any) -> np.ndarray:
        scale = largest / min(picture.size)
        if scale < 1:
            # JPEG can be decoded at a half, a quarter, an eighth for a fraction of the time.
            wanted = tuple(math.ceil(extent * scale) for extent in picture.size)
            picture.draft("L" if colors == 1 else None, wanted)
        flat = _flat(ImageOps.exif_transpose(picture), colors)
        scale = largest / min(flat.size)
        if scale < 1:
            size = tuple(max(1, round(extent * scale)) for extent in flat.size)
            flat = flat.resize(size, image.Resampling.BILINEAR)
        return np.asarray(flat).reshape(flat.height, flat.width, colors)

    return _opened(path, read)  # type: ignore[no-any-return]


def upright_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Return rows and columns of a picture when it is upright, without decoding it.

    Raises
    ------
    InputError
        It cannot be read; names the file.
    """

    def read(picture: Any) -> tuple[int, int]:
        # A PNG's own method would decode the picture to look behind it.
        sideways = pillow().Image.getexif(picture).get(_ORIENTATION) in _SIDEWAYS
        columns, rows = picture.size
        return (columns, rows) if sideways else (rows, columns)

    return _opened(path, read)  # type: ignore[no-any-return]


def _opened(path: str | os.PathLike[str], read: Any) -> Any:
    image = pillow()
    try:
        with image.open(path) as picture:
            # Pillow refuses from twice its limit on; between the two it only warns.
            limit = image.MAX_IMAGE_PIXELS
            if limit is not None and picture.width * picture.height > limit:
                raise image.DecompressionBombError
            return read(picture)
    except image.DecompressionBombError as error:
        raise InputError(
            f"{path} claims more pixels than are decoded ({image.MAX_IMAGE_PIXELS:,}): make it smaller"
        ) from error
    except _DAMAGED as error:
        reason = " ".join(str(error).replace(repr(str(path)), "it").split())
        raise InputError(f"{path} is no picture that can be read ({reason})") from error


def _flat(picture: Any, colors: int) -> Any:
    """Return a picture in grey or RGB of 8 bits."""
    image = pillow()
    mode = picture.mode
    if mode == "F":
        raise ValueError("its pixels are floats of no known range")
    if mode.startswith("I"):
        values = np.asarray(picture).astype(np.int64)
        if values.min() < 0 or values.max() > _SIXTEEN_BITS:
            raise ValueError("its grey values are beyond 16 bits")
        picture = image.fromarray(((values * 255 + _SIXTEEN_BITS // 2) // _SIXTEEN_BITS).astype(np.uint8))
    elif "transparency" in picture.info or mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        picture = picture.convert("RGBA")
        white = image.new("RGBA", picture.size, "white")
        picture = image.alpha_composite(white, picture)
    elif mode in ("LAB", "HSV"):
        picture = picture.convert("RGB")
    return picture.convert("L" if colors == 1 else "RGB")
