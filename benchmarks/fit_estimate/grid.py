"""Which geometries are measured: what networks for microcontrollers use, and what shows where tiles are not full."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.fit_estimate.cases import Case

_BANDS = (1, 3, 4)
"""Narrow bands of unequal and of equal width."""


def _drawn(count: int, seed: int, **choices: Sequence[int]) -> Iterator[dict[str, int]]:
    """Yield geometries drawn at random, the same ones every time."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield {name: int(rng.choice(values)) for name, values in choices.items()}


def _convolutions() -> Iterator[Case]:
    channels, outputs = (
        (3, 4, 8, 12, 16, 24, 40, 48, 64, 96, 120, 160, 240),
        (2, 3, 8, 16, 18, 24, 40, 48, 96, 144),
    )
    for numbers in _drawn(44, 1, h=(3, 4, 5), w=(3, 5, 6, 10, 12, 20, 24), c=channels, o=outputs):
        yield Case("conv", numbers, _BANDS)
    for numbers in _drawn(10, 2, h=(1,), w=(1,), c=channels, o=outputs):
        yield Case("conv", numbers)
    for k, s in ((1, 2), (3, 1), (3, 2), (5, 1), (7, 2)):
        wide = {"h": (8, 9), "w": (8, 11, 16, 20, 32), "kh": (k,), "kw": (k,), "s": (s,), "pad": (0, 1)}
        for numbers in _drawn(6, 3 + k + s, c=(4, 8, 16, 24, 64), o=(8, 16, 24, 32), **wide):
            yield Case("conv", numbers, _BANDS)
        for numbers in _drawn(4, 4 + k + s, c=(1, 3), o=(8, 16, 24), **wide):
            yield Case("conv", numbers, _BANDS)
    for kh, kw, s in ((10, 4, 2), (1, 3, 1), (3, 1, 1), (4, 1, 1)):
        for numbers in _drawn(2, 5 + kh, h=(14, 21), w=(5, 10), c=(1, 16, 32), o=(16, 64)):
            yield Case("conv", {**numbers, "kh": kh, "kw": kw, "s": s})


def _depthwise() -> Iterator[Case]:
    for k in (3, 5, 7):
        for s in (1, 2):
            drawn = _drawn(
                9,
                10 * k + s,
                h=(8, 9),
                w=(5, 7, 8, 10, 20, 24),
                c=(4, 8, 10, 16, 24, 48, 96, 144),
                pad=(0, 1),
            )
            for numbers in drawn:
                size = {"h": max(numbers["h"], k), "w": max(numbers["w"], k)}
                yield Case("depthwise", {**numbers, **size, "kh": k, "kw": k, "s": s}, _BANDS)
    for kh, kw, s in ((3, 1, 1), (5, 1, 1), (29, 1, 1), (1, 3, 1), (2, 2, 1), (4, 4, 1), (9, 9, 1)):
        for numbers in _drawn(2, kh, h=(30,), w=(1, 10), c=(16, 32, 64)):
            yield Case("depthwise", {**numbers, "w": max(numbers["w"], kw), "kh": kh, "kw": kw, "s": s})
    for k in (3, 5):
        for m in (1, 2):
            for numbers in _drawn(3, k + m, h=(8,), w=(8, 12, 20), c=(1, 2, 3), s=(1, 2)):
                yield Case("depthwise", {**numbers, "kh": k, "kw": k, "m": m}, _BANDS)
    for numbers in _drawn(3, 17, h=(8, 12), w=(8, 12, 20), c=(1, 2), m=(4, 8), s=(1, 2)):
        yield Case("depthwise", {**numbers, "kh": 5, "kw": 4}, _BANDS)


def _elementwise() -> Iterator[Case]:
    sizes = {"h": (1, 4, 6), "w": (1, 5, 10, 20), "c": (3, 8, 16, 24, 40, 96)}
    for op in ("add", "sub", "mul"):
        for numbers in _drawn(7, 20, **sizes):
            yield Case("binary", {"op": op, **numbers}, (1, 3))
    for op in ("mul", "add"):
        for numbers in _drawn(7, 21, **sizes):
            yield Case("binary", {"op": op, **numbers, "broadcast": 1}, (1, 3))
    for op in ("hard_swish", "leaky_relu"):
        for numbers in _drawn(7, 22, **sizes):
            yield Case("unary", {"op": op, **numbers}, (1, 3))


def _pools() -> Iterator[Case]:
    for op in ("average_pool2d", "max_pool2d"):
        for k in (2, 3, 5, 9):
            for numbers in _drawn(4, 30 + k, h=(9, 12), w=(10, 12, 20), c=(3, 8, 16, 32), s=(1, 2)):
                yield Case("pool", {"op": op, **numbers, "k": k}, (1, 3))
    for k in (2, 3):
        for numbers in _drawn(3, 40 + k, h=(9, 12), w=(11, 20), c=(8, 16), s=(1, 2)):
            yield Case("pool", {"op": "max_pool2d", **numbers, "k": k, "pad": 1}, (1, 3))
    # Few outputs of many rows: what it takes to copy rows.
    for numbers in _drawn(6, 44, h=(17,), w=(33, 65), c=(4, 16, 48, 64), s=(8,)):
        yield Case("pool", {"op": "max_pool2d", **numbers, "k": 3, "pad": 1}, (1, 3))
    for numbers in _drawn(3, 41, h=(8,), w=(11, 20), c=(8, 16), s=(1,)):
        yield Case("pool", {"op": "average_pool2d", **numbers, "k": 3, "pad": 1})
    for op in ("average_pool2d", "mean", "reduce_max"):
        for numbers in _drawn(8, 42, h=(3, 5, 7, 12), w=(1, 3, 5, 7, 20), c=(6, 8, 16, 32, 64, 160)):
            yield Case("reduction", {"op": op, **numbers}, (1, 3))
    for axis in (0, 1, 2):
        for numbers in _drawn(5, 43, h=(3, 5, 7, 12), w=(3, 5, 7, 20), c=(6, 8, 16, 64, 160)):
            yield Case("whole_mean", {**numbers, "axis": axis})


def _others() -> Iterator[Case]:
    for rows, i, o in (
        (1, 8, 2), (1, 64, 10), (1, 100, 12), (1, 128, 128), (1, 160, 2), (1, 256, 64), (1, 640, 32), (1, 33, 8),
        (1, 320, 40), (1, 12, 4), (6, 16, 24), (10, 64, 4), (4, 128, 32),
    ):  # fmt: skip
        yield Case("fully_connected", {"rows": rows, "i": i, "o": o})
    for rows, depth in ((1, 2), (1, 4), (1, 12), (1, 100), (1, 1000), (16, 2), (100, 2), (20, 10)):
        yield Case("softmax", {"rows": rows, "depth": depth})
    for axis in (1, 2, 3):
        for numbers in _drawn(5, 50, h=(4, 6), w=(5, 10, 20), c=(3, 4, 8, 16, 48), d=(2, 8, 24)):
            yield Case("concat", {**numbers, "axis": axis}, (1, 3))
    for numbers in _drawn(6, 51, h=(6, 10), w=(5, 10, 20), c=(1, 3, 8, 24), rows=(0, 1, 2), columns=(1, 2)):
        yield Case("pad", numbers)
    for numbers in _drawn(5, 52, h=(4, 6), w=(5, 10, 20), c=(3, 8, 24), channels=(4, 8, 12)):
        yield Case("pad", numbers, (1, 3))
    for op in ("resize_nearest_neighbor", "resize_bilinear"):
        for numbers in _drawn(6, 53, h=(3, 4, 6), w=(4, 5, 10), c=(2, 4, 8, 24, 64), f=(2, 2, 3)):
            yield Case("resize", {"op": op, **numbers})
    for numbers in _drawn(6, 54, h=(3, 4), w=(4, 5, 7), c=(4, 8, 24), o=(4, 8, 16), k=(2, 3), s=(2,)):
        yield Case("transpose_conv", numbers)
    for numbers in _drawn(3, 55, h=(8, 10), w=(8, 10), c=(3, 8, 24), s=(1, 2)):
        yield Case("slices", numbers)
    for numbers in _drawn(4, 56, h=(4, 8), w=(5, 8), c=(3, 8, 24)):
        yield Case("transpose", numbers)


def _tiles() -> Iterator[Case]:
    """Yield what Winograd's tiles make, and long columns of single pixels."""
    channels = (8, 16, 24, 32, 64)
    for numbers in _drawn(20, 60, h=(4,), w=(6, 8, 10, 16, 20, 32), c=channels, o=channels):
        yield Case("conv", {**numbers, "kh": 3, "kw": 3}, _BANDS)
    for numbers in _drawn(8, 61, h=(15, 24, 28), w=(1,), c=(16, 40, 64, 128), o=(32, 64, 128)):
        yield Case("conv", numbers)
    for numbers in _drawn(6, 62, h=(12, 28), w=(1,), c=(16, 40, 128), kh=(3, 5, 10)):
        yield Case("depthwise", {**numbers, "kw": 1, "pad": 0})


def grid() -> list[Case]:
    """Return all cases, none twice."""
    found: dict[str, Case] = {}
    for part in (_convolutions(), _depthwise(), _elementwise(), _pools(), _others(), _tiles()):
        found.update({f"{case.kind} {sorted(case.numbers.items())}": case for case in part})
    return list(found.values())
