"""Which input pixels an output pixel of a resize reads, along one axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tvm_patch.errors import UnsupportedError

FRACTION_BITS = 10
"""Bits of a bilinear weight: 1024 is 1.0."""

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Line:
    """Input indices that lie on a line: output index i reads ``(i * numerator + offset) // denominator``.

    Attributes
    ----------
    numerator, denominator : int
        Positive.
    offset : int
        May be negative.
    """

    numerator: int
    offset: int
    denominator: int

    def indices(self, output_size: int) -> Int64Array:
        """Return the input index of every output index, shape (output_size,)."""
        position = np.arange(output_size, dtype=np.int64) * self.numerator + self.offset
        index: Int64Array = position // self.denominator
        return index


def nearest_indices(
    input_size: int, output_size: int, align_corners: bool, half_pixel_centers: bool
) -> Int64Array:
    """Return the input index of every output index of RESIZE_NEAREST_NEIGHBOR (float32 arithmetic).

    TFLite ``GetNearestNeighbor``.

    Returns
    -------
    ndarray of int64, shape (output_size,)
    """
    if align_corners and output_size > 1:
        scale = np.float32(input_size - 1) / np.float32(output_size - 1)
    else:
        scale = np.float32(input_size) / np.float32(output_size)
    offset = np.float32(0.5 if half_pixel_centers else 0.0)
    position = (np.arange(output_size, dtype=np.float32) + offset) * scale
    whole = np.floor(position)
    if align_corners:
        # TFLite rounds halves away from zero; positions are never negative.
        whole += position - whole >= 0.5
    index: Int64Array = np.minimum(whole.astype(np.int64), input_size - 1)
    return index


def nearest_line(
    input_size: int, output_size: int, align_corners: bool, half_pixel_centers: bool
) -> Line | None:
    """Return the line on which :func:`nearest_indices` lie.

    Returns
    -------
    Line or None
        None where float32 leaves the line of the exact ratio (fewer than one pair of sizes in a hundred).
    """
    half = int(half_pixel_centers)
    if input_size == 1:
        line = Line(1, 0, output_size)
    elif align_corners and output_size > 1:
        step, over = input_size - 1, output_size - 1
        line = Line(2 * step, step * half + over, 2 * over)
    else:
        line = Line(2 * input_size, input_size * half + output_size * align_corners, 2 * output_size)
    exact = nearest_indices(input_size, output_size, align_corners, half_pixel_centers)
    return line if np.array_equal(line.indices(output_size), exact) else None


def bilinear_line(
    input_size: int, output_size: int, align_corners: bool, half_pixel_centers: bool
) -> tuple[int, int]:
    """Return the step and the offset of the positions in :func:`bilinear_coordinates`, in Q10.

    Output index i lies at ``i * step + offset``: between the input index that this is in whole numbers, perhaps -1,
    and the next one.
    """
    one = 1 << FRACTION_BITS
    if align_corners and output_size > 1:
        step = (one * (input_size - 1) + (output_size - 1) // 2) // (output_size - 1)
    else:
        step = (one * input_size + output_size // 2) // output_size
    return step, step // 2 - one // 2 if half_pixel_centers else 0


def bilinear_coordinates(
    input_size: int, output_size: int, align_corners: bool, half_pixel_centers: bool
) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Return the two input indices and the weight of every output index of RESIZE_BILINEAR on int8.

    TFLite ``ResizeBilinearInteger``: positions in Q10.  An output along one axis is
    ``(1024 - weight) * x[lower] + weight * x[upper]``; the kernel multiplies the weights of both axes, adds
    in int64 and divides by 2**20, halves away from zero.

    Returns
    -------
    lower, upper : ndarray of int64, shape (output_size,)
        Input indices, within the input.
    weight : ndarray of int64, shape (output_size,)
        Of `upper`, in Q10.  Outside [0, 1024] where both indices are the same border pixel.

    Raises
    ------
    UnsupportedError
        When the rounded step leads beyond the input (about 2048 output pixels and more): the TFLite kernel
        reads outside its input there.
    """
    one = 1 << FRACTION_BITS
    step, offset = bilinear_line(input_size, output_size, align_corners, half_pixel_centers)
    position = np.arange(output_size, dtype=np.int64) * step + offset
    lower = np.maximum(position // one, 0)
    upper = np.minimum((position + one - 1) // one, input_size - 1)
    if lower[-1] > input_size - 1:
        raise UnsupportedError(
            f"bilinear resize from {input_size} to {output_size} reads outside its input in TFLite's kernel"
        )
    return lower, upper, position - one * lower
