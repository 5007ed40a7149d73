"""The arithmetic of windows that change their size around the same centre."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tvm_patch.errors import UnsupportedError


def resized_kernel(weight: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return weights with a window of another size: cropped at the centre, or with zeros around.

    Parameters
    ----------
    weight : ndarray
        As in the file: axes 1 and 2 are rows and columns of the window.
    size : tuple of int
        New rows and columns.

    Raises
    ------
    UnsupportedError
        When the centre would move by half an element.
    """
    for axis, new in enumerate(size, 1):
        old = weight.shape[axis]
        if new < 1 or (new - old) % 2:
            raise UnsupportedError(
                f"a window of {old} {'columns' if axis > 1 else 'rows'} cannot become one of {new} around the same "
                "centre",
                way_out="change its size by an even number",
            )
        step = abs(new - old) // 2
        if new > old:
            weight = np.pad(weight, [(step, step) if a == axis else (0, 0) for a in range(weight.ndim)])
        else:
            weight = weight.take(range(step, step + new), axis)
    return weight


@dataclass(frozen=True)
class Axis:
    """How a window slides along one axis.

    Attributes
    ----------
    taps, stride, dilation : int
    before : int
        Padding.
    extent, made : int
        Elements of the input and of the output.
    """

    taps: int
    stride: int
    dilation: int
    before: int
    extent: int
    made: int

    def resized(self, taps: int) -> tuple[int, int]:
        """Return padding before and after with which `taps` taps give as many outputs around the same centres.

        A window that shrinks to where the network's own padding cannot follow (3 taps with stride 2 and no padding
        before) starts at element 0 instead: its centres move by a part of a stride.
        """
        before = max(0, self.before + (taps - self.taps) // 2 * self.dilation)
        return before, max(0, self._needed(taps) - before)

    def same(self, taps: int) -> tuple[int, int]:
        """Return padding before and after that ``SAME`` stands for with `taps` taps."""
        total = max(0, (-(-self.extent // self.stride) - 1) * self.stride + self._reach(taps) - self.extent)
        return total // 2, total - total // 2

    def _reach(self, taps: int) -> int:
        return (taps - 1) * self.dilation + 1

    def _needed(self, taps: int) -> int:
        return (self.made - 1) * self.stride + self._reach(taps) - self.extent
