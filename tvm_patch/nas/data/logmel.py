"""Sound as a picture: the logarithm of its energy over time, in bands as wide as the ear's."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

RATE = 16000
"""Samples a second that sound is brought to."""
LENGTH = RATE
"""Samples of a clip: one second."""
_LEAST_WINDOW = RATE * 25 // 1000
_SPECTRUM = 2048
"""Points of the transform: with zeros behind each window, no band is narrower than a bin."""
_LOWEST, _HIGHEST = 60.0, 7600.0
"""Hertz."""
_QUIET, _LOUD = -110.0, 0.0
"""Decibels that become 0 and 255."""


def log_mel(samples: np.ndarray, resolution: int) -> np.ndarray:
    """Return the picture of a clip, uint8 of shape (resolution, resolution, 1): time goes down, pitch to the right.

    As many frames as bands: the hop and the width of the bands follow from the resolution.

    Parameters
    ----------
    samples : array of float32
        ``LENGTH`` samples from -1 to 1.
    resolution : int
    """
    hop = LENGTH / resolution
    width = max(_LEAST_WINDOW, min(_SPECTRUM, round(2 * hop)))
    starts = np.rint((np.arange(resolution) + 0.5) * hop - width / 2).astype(int)
    padded = np.pad(samples.astype(np.float32), width)
    frames = padded[starts[:, np.newaxis] + width + np.arange(width)] * _window(width)
    energy = np.abs(np.fft.rfft(frames, _SPECTRUM)) ** 2
    bands = energy @ _bands(resolution)
    decibels = 10 * np.log10(np.maximum(bands, 1e-12))
    levels = np.rint((decibels - _QUIET) * (255 / (_LOUD - _QUIET))).clip(0, 255)
    picture: np.ndarray = levels.astype(np.uint8)[:, :, np.newaxis]
    return picture


@lru_cache(16)
def _window(width: int) -> np.ndarray:
    """Return Hann's window, scaled so that a tone of full scale has the same energy however long it is."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(width) + 0.5) / width)
    scaled: np.ndarray = (2 * window / window.sum()).astype(np.float32)
    return scaled


@lru_cache(16)
def _bands(count: int) -> np.ndarray:
    """Return the weight of each bin in each band, of shape (bins, bands): triangles, evenly over mels."""
    low, high = (2595 * np.log10(1 + hertz / 700) for hertz in (_LOWEST, _HIGHEST))
    edges = 700 * (10 ** (np.linspace(low, high, count + 2) / 2595) - 1)
    bins = np.fft.rfftfreq(_SPECTRUM, 1 / RATE)[:, np.newaxis]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    weights = np.minimum(rising, falling).clip(0)
    # The mean over a band, so that a picture is not darker for having more of them.
    scaled: np.ndarray = (weights / weights.sum(0)).astype(np.float32)
    return scaled
