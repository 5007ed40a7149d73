"""Random tensors and quantizations for kernel tests."""

from __future__ import annotations

import numpy as np


def int8(rng: np.random.Generator, shape, low: int = -128, high: int = 127) -> np.ndarray:
    """Uniform int8, with the extremes made likely."""
    x = rng.integers(low, high + 1, shape)
    extreme = rng.random(shape)
    return np.where(extreme < 0.05, low, np.where(extreme > 0.95, high, x)).astype(np.int8)


def scale(rng: np.random.Generator, spread: float = 1.0) -> float:
    """A float32 scale around 0.02."""
    return float(np.float32(0.02 * np.exp(rng.uniform(-spread, spread))))


def zero_point(rng: np.random.Generator) -> int:
    return int(rng.choice([-128, 127, 0, int(rng.integers(-128, 128))]))
