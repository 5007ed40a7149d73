"""Pictures as arrays of pixels: right, or refused with what to do."""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING, Any

from tvm_patch.errors import InputError, ToolMissingError

if TYPE_CHECKING:
    import numpy as np

DAMAGED = (OSError, ValueError, EOFError, SyntaxError, MemoryError, OverflowError, TypeError, KeyError, IndexError,
           struct.error, zlib.error, TokenError)  # fmt: skip
"""What numpy and Pillow raise for files that are cut off or changed; they document none of it."""

_PLAIN = ("1", "L", "P", "RGB", "YCbCr", "LA", "La", "PA", "RGBA", "RGBa", "RGBX")
_SIXTEEN_BITS = 65535


def read_pixels(path: Path, rows: int, columns: int, channels: int) -> np.ndarray:
    """Return a picture as float32 0..255 of shape (1, rows, columns, channels), upright as its EXIF says.

    Parameters
    ----------
    path : Path
        A file that Pillow reads: 8 or 16 bits, grey, RGB or a palette.
    rows, columns : int
        Size to scale it to.
    channels : int
        1 or 3.

    Raises
    ------
    InputError
        It cannot be read, or what its pixels mean is not certain: transparency, CMYK, floats.
    ToolMissingError
        Pillow is not installed.
    """
    import numpy as np

    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError as error:
        raise ToolMissingError(
            "reading pictures needs Pillow; install it with: pip install 'tvm-patch[check]'"
        ) from error
    try:
        with warnings.catch_warnings():
            # Pillow only warns of a small file that claims to be a huge picture.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                upright = ImageOps.exif_transpose(picture)
                converted = _converted(path, upright, channels)
                resized = converted.resize((columns, rows), Image.Resampling.BILINEAR)
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
        *DAMAGED,
    ) as error:
        raise InputError(
            f"{path} is neither a .npy array nor a picture that can be read ({error}); give one of them"
        ) from error
    pixels = np.asarray(resized, dtype=np.float32)
    if pixels.ndim == 2 and channels == 3:
        pixels = np.repeat(pixels[:, :, np.newaxis], 3, axis=2)
    return pixels.reshape(1, rows, columns, channels)


def _converted(path: Path, picture: Any, channels: int) -> Any:
    """Return a picture in grey, RGB or floats of grey, all from 0 to 255."""
    import numpy as np
    from PIL import Image

    mode = picture.mode
    if mode.startswith("I"):
        values = np.asarray(picture).astype(np.float32)
        if values.min() < 0 or values.max() > _SIXTEEN_BITS:
            raise InputError(f"{path} has grey values beyond 16 bits; scale them to 0..255 and give a .npy")
        return Image.fromarray(values / np.float32(_SIXTEEN_BITS / 255))
    if mode not in _PLAIN:
        raise InputError(
            f"{path} is in {mode}, whose pixels are not RGB or grey; save it as RGB, or give a .npy"
        )
    if "transparency" in picture.info or "a" in mode.lower():
        picture = picture.convert("RGBA")
        if picture.getextrema()[3][0] < 255:
            raise InputError(f"{path} has transparent pixels; put it on the background that is meant")
    return picture.convert("L" if channels == 1 else "RGB")
