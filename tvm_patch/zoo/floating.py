"""Layers in floating point, just good enough to find the ranges of activations.

Arrays are float32 NHWC with a batch of 1.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

_LIMITS = {"NONE": (-np.inf, np.inf), "RELU": (0.0, np.inf), "RELU6": (0.0, 6.0)}


def activate(x: np.ndarray, activation: str) -> np.ndarray:
    """Apply NONE, RELU or RELU6."""
    low, high = _LIMITS[activation]
    clamped: np.ndarray = np.clip(x, low, high)
    return clamped


def pad_same(x: np.ndarray, window: tuple[int, int], stride: tuple[int, int]) -> np.ndarray:
    """Return `x` with the zeros that TFLite's SAME padding adds."""
    widths = [(0, 0)]
    for extent, taps, step in zip(x.shape[1:3], window, stride, strict=True):
        total = max((-(-extent // step) - 1) * step + taps - extent, 0)
        widths.append((total // 2, total - total // 2))
    return np.pad(x, [*widths, (0, 0)])


def convolve(x: np.ndarray, weight: np.ndarray, stride: tuple[int, int]) -> np.ndarray:
    """Convolve without padding; `weight` is (out, kh, kw, in)."""
    out, height, width, _ = weight.shape
    if (height, width) == (1, 1):
        return np.asarray(x[:, :: stride[0], :: stride[1]] @ weight.reshape(out, -1).T)
    windows = sliding_window_view(x, (height, width), axis=(1, 2))[:, :: stride[0], :: stride[1]]
    return np.tensordot(windows, weight.transpose(3, 1, 2, 0), axes=3)


def convolve_depthwise(x: np.ndarray, weight: np.ndarray, stride: tuple[int, int]) -> np.ndarray:
    """Convolve each channel by itself without padding; `weight` is (1, kh, kw, channels)."""
    _, height, width, channels = weight.shape
    rows = (x.shape[1] - height) // stride[0] + 1
    columns = (x.shape[2] - width) // stride[1] + 1
    total = np.zeros((1, rows, columns, channels), np.float32)
    for dy in range(height):
        for dx in range(width):
            part = x[:, dy : dy + (rows - 1) * stride[0] + 1 : stride[0]]
            total += part[:, :, dx : dx + (columns - 1) * stride[1] + 1 : stride[1]] * weight[0, dy, dx]
    return total
