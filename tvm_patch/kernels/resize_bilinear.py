"""Bilinear resize with TFLite's Q10 weights."""

from __future__ import annotations

import numpy as np

from tvm_patch.integer.resize import FRACTION_BITS, bilinear_coordinates
from tvm_patch.kernels.base import TensorKernel
from tvm_patch.kernels.loops import kernel_body, parameters_of
from tvm_patch.kernels.named import bind, loop
from tvm_patch.kernels.registry import register
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr, PrimFunc

_ONE = 1 << FRACTION_BITS


@register
class ResizeBilinear(TensorKernel):
    """Per output pixel two rows, two columns and two weights from tables made at compile time.

    Weights lie in [-512, 1536] and those of one axis add up to 1024, so sums stay below 2**30: 32 bits hold
    what the reference computes in 64.
    """

    kinds = ("resize_bilinear",)

    def _axis(self, axis: int) -> np.ndarray:
        """Return (lower index, upper index, weight of upper) per output index, flat."""
        attrs = self.op.attrs
        flags = bool(attrs["align_corners"]), bool(attrs["half_pixel_centers"])
        sizes = self.op.inputs[0].shape[axis], self.op.outputs[0].shape[axis]
        return np.stack(bilinear_coordinates(*sizes, *flags), axis=1).astype(np.int32).reshape(-1)

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """Three int32 per output row and per output column."""
        return {"rows": self._axis(1), "columns": self._axis(2)}

    def function(self) -> PrimFunc:
        """Return the function; see :class:`TensorKernel`."""
        batch, in_height, in_width, channels = self.op.inputs[0].shape
        _, height, width, _ = self.op.outputs[0].shape
        half = 1 << (2 * FRACTION_BITS - 1)
        with kernel_body(parameters_of(self)) as (builder, buffers):
            data, rows, columns = buffers["in0"], buffers["rows"], buffers["columns"]
            with loop("batch", 0, batch) as b, loop("y", 0, height) as y:
                top, bottom, down = _entry(rows, y, ("top", "bottom", "down"))
                with loop("x", 0, width) as x:
                    left, right, across = _entry(columns, x, ("left", "right", "across"))
                    with loop("channel", 0, channels) as c:
                        pixels = [
                            bind(
                                "pixel",
                                T.cast(
                                    data[((b * in_height + row) * in_width + column) * channels + c], "int32"
                                ),
                            )
                            for row in (top, bottom)
                            for column in (left, right)
                        ]
                        upper = pixels[0] * (_ONE - across) + pixels[1] * across
                        lower = pixels[2] * (_ONE - across) + pixels[3] * across
                        total = upper * (_ONE - down) + lower * down
                        rounded = T.truncdiv(T.Select(total > 0, total + half, total - half), 1 << 20)
                        T.buffer_store(
                            buffers["out0"],
                            T.cast(rounded, "int8"),
                            [((b * height + y) * width + x) * channels + c],
                        )
        return builder.get()


def _entry(table: Buffer, index: Expr, names: tuple[str, ...]) -> list[Expr]:
    """Emit the loads of one entry of a table of neighbours and weights."""
    return [bind(name, table[index * len(names) + i]) for i, name in enumerate(names)]
