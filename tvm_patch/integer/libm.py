"""float32 ``expf`` and ``tanhf`` with the bits of the C library that LiteRT calls.

IEEE 754 does not define transcendental functions, and numpy's own float32 versions differ from glibc's in the
last bit now and then.  LiteRT's wheel links the C library's functions dynamically, so calling the same ones
gives the same bits.  Where no C library can be loaded, the double result is rounded once, which is the
correctly rounded float32 in all but about one case in 10**8.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt

Float32Array = npt.NDArray[np.float32]


def expf(x: Float32Array) -> Float32Array:
    """Return e**x element by element, infinity where it overflows."""
    return _apply("expf", np.exp, x)


def tanhf(x: Float32Array) -> Float32Array:
    """Return the hyperbolic tangent element by element."""
    return _apply("tanhf", np.tanh, x)


def _apply(
    name: str, fallback: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]], x: Float32Array
) -> Float32Array:
    function = _c_function(name)
    if function is None:
        with np.errstate(over="ignore"):
            return fallback(np.asarray(x, np.float64)).astype(np.float32)
    flat = [function(float(v)) for v in np.asarray(x, np.float32).reshape(-1)]
    return np.array(flat, np.float32).reshape(np.shape(x))


@cache
def _c_function(name: str) -> Callable[[float], float] | None:
    path = ctypes.util.find_library("m")
    try:
        function = getattr(ctypes.CDLL(path or "libm.so.6"), name)
    except (OSError, AttributeError):
        return None
    function.restype = ctypes.c_float
    function.argtypes = [ctypes.c_float]
    of_floats: Callable[[float], float] = function
    return of_floats
