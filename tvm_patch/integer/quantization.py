"""float32 ↔ 8-bit conversion of tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tvm_patch.integer.params import dtype_range
from tvm_patch.integer.tables import round_away


def quantize_float(x: npt.ArrayLike, scale: float, zero_point: int, dtype: str = "int8") -> npt.NDArray[Any]:
    """Return float32 values quantized (TFLite ``reference_ops::AffineQuantize``).

    Parameters
    ----------
    x : array of float32
        Finite.  Values beyond int32 after the division saturate (LiteRT's conversion of them is undefined).
    scale, zero_point : float, int
        Of the result; the scale is used as a float32.
    dtype : str
        ``int8``, ``uint8`` or ``int16``.

    Returns
    -------
    ndarray of `dtype`
        ``clamp(round(x / scale) + zero_point)``, the quotient in float32, halves away from zero.

    Raises
    ------
    ValueError
        When a value is not a number.
    """
    data = np.asarray(x, np.float32)
    if np.isnan(data).any():
        raise ValueError("a value to quantize is not a number")
    with np.errstate(over="ignore"):
        rounded = round_away(data / np.float32(scale))
    whole = np.clip(rounded.astype(np.float64), -(2.0**31), 2.0**31 - 1).astype(np.int64)
    return np.clip(whole + zero_point, *dtype_range(dtype)).astype(dtype)


def dequantize(x: npt.ArrayLike, scale: float, zero_point: int) -> npt.NDArray[np.float32]:
    """Return quantized values as float32 (TFLite ``reference_ops::Dequantize``).

    Parameters
    ----------
    x : array of int8, uint8 or int16
    scale, zero_point : float, int
        Quantization of `x`.
    """
    # The difference has at most 17 bits, so the double product is exact and rounds once.
    centred = np.asarray(x).astype(np.int64) - zero_point
    return (centred * float(np.float32(scale))).astype(np.float32)


def dequantize_int8(x: npt.ArrayLike, scale: float, zero_point: int) -> npt.NDArray[np.float32]:
    """Return int8 values as float32; see :func:`dequantize`."""
    return dequantize(np.asarray(x, np.int8), scale, zero_point)
