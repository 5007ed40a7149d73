"""Which input pixels an output pixel of a resize reads, along one axis."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tvm_patch.errors import UnsupportedError

FRACTION_BITS = 10
"""Bits of a bilinear weight: 1024 is 1.0."""

Int64Array = npt.NDArray[np.int64]


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
    if align_corners and output_size > 1:
        step = (one * (input_size - 1) + (output_size - 1) // 2) // (output_size - 1)
    else:
        step = (one * input_size + output_size // 2) // output_size
    position = np.arange(output_size, dtype=np.int64) * step
    if half_pixel_centers:
        position += step // 2 - one // 2
    lower = np.maximum(position // one, 0)
    upper = np.minimum((position + one - 1) // one, input_size - 1)
    if lower[-1] > input_size - 1:
        raise UnsupportedError(
            f"bilinear resize from {input_size} to {output_size} reads outside its input in TFLite's kernel"
        )
    return lower, upper, position - one * lower
