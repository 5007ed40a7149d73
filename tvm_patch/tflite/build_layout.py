"""Builder methods that move, cut, join, resize or reduce without weights.

Outputs share the first input's quantization unless a method says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from tvm_patch.errors import UserError
from tvm_patch.tflite.build_base import BuilderBase


class LayoutMethods(BuilderBase):
    """Padding, shapes, slices, joins, resizing, reductions."""

    def pad(self, x: int, paddings: Sequence[tuple[int, int]], *, name: str | None = None) -> int:
        """Add a PAD; `paddings` has (before, after) for each axis."""
        constant = self._int32_constant("PAD", "paddings", np.asarray(paddings).reshape(-1, 2))
        return self._apply("PAD", [x, constant], self._padded(x, paddings), name=name)

    def padv2(
        self, x: int, paddings: Sequence[tuple[int, int]], value: int, *, name: str | None = None
    ) -> int:
        """Add a PADV2 that fills with the quantized `value`, in the input's quantization."""
        constant = self._int32_constant("PADV2", "paddings", np.asarray(paddings).reshape(-1, 2))
        scale, zero_point = self.quantization(x)
        data = np.asarray([value], self.dtype(x))
        fill = self.constant(self._next_name("PADV2", name) + "/value", data, scale, zero_point)
        return self._apply("PADV2", [x, constant, fill], self._padded(x, paddings), name=name)

    def _padded(self, x: int, paddings: Sequence[tuple[int, int]]) -> list[int]:
        return [
            extent + before + after for extent, (before, after) in zip(self.shape(x), paddings, strict=True)
        ]

    def reshape(self, x: int, shape: Sequence[int], *, name: str | None = None) -> int:
        """Add a RESHAPE; one extent may be -1."""
        shape = list(shape)
        if -1 in shape:
            known = prod(extent for extent in shape if extent != -1)
            shape[shape.index(-1)] = prod(self.shape(x)) // known
        if prod(shape) != prod(self.shape(x)):
            raise UserError(f"{list(self.shape(x))} cannot be reshaped to {shape}")
        constant = self._int32_constant("RESHAPE", "shape", shape)
        options = {"new_shape": tuple(shape)}
        return self._apply("RESHAPE", [x, constant], shape, options=options, name=name)

    def squeeze(self, x: int, axes: Sequence[int] = (), *, name: str | None = None) -> int:
        """Add a SQUEEZE of `axes`, or of all axes of extent 1."""
        shape = self.shape(x)
        dropped = {axis % len(shape) for axis in axes} or {i for i, extent in enumerate(shape) if extent == 1}
        if any(shape[axis] != 1 for axis in dropped):
            raise UserError(f"axes {list(axes)} of {list(shape)} are not all 1")
        rest = [extent for axis, extent in enumerate(shape) if axis not in dropped]
        return self._apply("SQUEEZE", [x], rest, options={"squeeze_dims": tuple(axes)}, name=name)

    def expand_dims(self, x: int, axis: int, *, name: str | None = None) -> int:
        """Add an EXPAND_DIMS that inserts an axis of extent 1."""
        shape = list(self.shape(x))
        shape.insert(axis % (len(shape) + 1), 1)
        return self._apply(
            "EXPAND_DIMS", [x, self._int32_constant("EXPAND_DIMS", "axis", [axis])], shape, name=name
        )

    def transpose(self, x: int, order: Sequence[int], *, name: str | None = None) -> int:
        """Add a TRANSPOSE: output axis k is input axis ``order[k]``."""
        shape = [self.shape(x)[axis] for axis in order]
        return self._apply(
            "TRANSPOSE", [x, self._int32_constant("TRANSPOSE", "order", order)], shape, name=name
        )

    def space_to_depth(self, x: int, block: int, *, name: str | None = None) -> int:
        """Add a SPACE_TO_DEPTH: the pixels of a block become channels of one."""
        batch, height, width, channels = self.shape(x)
        shape = (batch, height // block, width // block, channels * block * block)
        return self._apply("SPACE_TO_DEPTH", [x], shape, options={"block_size": block}, name=name)

    def depth_to_space(self, x: int, block: int, *, name: str | None = None) -> int:
        """Add a DEPTH_TO_SPACE: the channels of a pixel become the pixels of a block."""
        batch, height, width, channels = self.shape(x)
        shape = (batch, height * block, width * block, channels // (block * block))
        return self._apply("DEPTH_TO_SPACE", [x], shape, options={"block_size": block}, name=name)

    def concatenation(
        self,
        inputs: Sequence[int],
        axis: int,
        *,
        activation: str = "NONE",
        name: str | None = None,
    ) -> int:
        """Add a CONCATENATION; all inputs share one quantization, which LiteRT's int8 kernel requires."""
        shape = list(self.shape(inputs[0]))
        shape[axis] = sum(self.shape(index)[axis] for index in inputs)
        options = {"axis": axis, "fused_activation_function": activation}
        return self._apply("CONCATENATION", inputs, shape, options=options, name=name)

    def pack(self, inputs: Sequence[int], axis: int, *, name: str | None = None) -> int:
        """Add a PACK: join along a new axis."""
        shape = list(self.shape(inputs[0]))
        shape.insert(axis % (len(shape) + 1), len(inputs))
        return self._apply(
            "PACK", inputs, shape, options={"values_count": len(inputs), "axis": axis}, name=name
        )

    def split(self, x: int, count: int, axis: int, *, name: str | None = None) -> list[int]:
        """Add a SPLIT into `count` equal parts; return all of them."""
        shape = list(self.shape(x))
        if shape[axis] % count:
            raise UserError(f"axis {axis} of {shape} does not split into {count} equal parts")
        constant = self.constant(self._next_name("SPLIT", None) + "/axis", np.asarray(axis, np.int32))
        sizes = [shape[axis] // count] * count
        return self._parts("SPLIT", [constant, x], x, sizes, axis, name)

    def split_v(self, x: int, sizes: Sequence[int], axis: int, *, name: str | None = None) -> list[int]:
        """Add a SPLIT_V into parts of the given sizes; return all of them."""
        lengths = self._int32_constant("SPLIT_V", "sizes", sizes)
        constant = self.constant(self._next_name("SPLIT_V", None) + "/axis", np.asarray(axis, np.int32))
        return self._parts("SPLIT_V", [x, lengths, constant], x, sizes, axis, name)

    def _parts(
        self, kind: str, inputs: list[int], x: int, sizes: Sequence[int], axis: int, name: str | None
    ) -> list[int]:
        name = self._next_name(kind, name)
        outputs = []
        for number, size in enumerate(sizes):
            shape = list(self.shape(x))
            shape[axis] = size
            tensor = self._tensors[x]
            outputs.append(self.tensor(f"{name}:{number}", shape, tensor.dtype, tensor.quantization))
        self.operator(kind, inputs, outputs, {"num_splits": len(sizes)})
        return outputs

    def strided_slice(
        self,
        x: int,
        begin: Sequence[int],
        end: Sequence[int],
        strides: Sequence[int] | None = None,
        *,
        begin_mask: int = 0,
        end_mask: int = 0,
        shrink_axis_mask: int = 0,
        name: str | None = None,
    ) -> int:
        """Add a STRIDED_SLICE with Python's meaning of begin, end and step on every axis.

        Bit k of `begin_mask` or `end_mask` leaves that end of axis k open; bit k of `shrink_axis_mask` takes one
        element and drops the axis.
        """
        strides = [1] * len(begin) if strides is None else list(strides)
        shape = []
        for axis, extent in enumerate(self.shape(x)):
            bit = 1 << axis
            if shrink_axis_mask & bit:
                continue
            first = None if begin_mask & bit else begin[axis]
            last = None if end_mask & bit else end[axis]
            shape.append(len(range(*slice(first, last, strides[axis]).indices(extent))))
        inputs = [x]
        for role, values in (("begin", begin), ("end", end), ("strides", strides)):
            inputs.append(self._int32_constant("STRIDED_SLICE", role, values))
        options = {"begin_mask": begin_mask, "end_mask": end_mask, "shrink_axis_mask": shrink_axis_mask}
        return self._apply("STRIDED_SLICE", inputs, shape, options=options, name=name)

    def gather(self, x: int, indices: np.ndarray, axis: int, *, name: str | None = None) -> int:
        """Add a GATHER of constant int32 `indices` along `axis`."""
        shape = self.shape(x)
        axis %= len(shape)
        constant = self._int32_constant("GATHER", "indices", indices)
        result = (*shape[:axis], *self.shape(constant), *shape[axis + 1 :])
        return self._apply("GATHER", [x, constant], result, options={"axis": axis}, name=name)

    def tile(self, x: int, multiples: Sequence[int], *, name: str | None = None) -> int:
        """Add a TILE that repeats axis k ``multiples[k]`` times."""
        shape = [extent * times for extent, times in zip(self.shape(x), multiples, strict=True)]
        return self._apply(
            "TILE", [x, self._int32_constant("TILE", "multiples", multiples)], shape, name=name
        )

    def resize_nearest_neighbor(
        self,
        x: int,
        size: tuple[int, int],
        *,
        align_corners: bool = False,
        half_pixel_centers: bool = False,
        name: str | None = None,
    ) -> int:
        """Add a RESIZE_NEAREST_NEIGHBOR to `size` (height, width)."""
        return self._resize("RESIZE_NEAREST_NEIGHBOR", x, size, align_corners, half_pixel_centers, name)

    def resize_bilinear(
        self,
        x: int,
        size: tuple[int, int],
        *,
        align_corners: bool = False,
        half_pixel_centers: bool = False,
        name: str | None = None,
    ) -> int:
        """Add a RESIZE_BILINEAR to `size` (height, width)."""
        return self._resize("RESIZE_BILINEAR", x, size, align_corners, half_pixel_centers, name)

    def _resize(
        self, kind: str, x: int, size: tuple[int, int], align: bool, half_pixel: bool, name: str | None
    ) -> int:
        batch, _, _, channels = self.shape(x)
        options = {"align_corners": align, "half_pixel_centers": half_pixel}
        inputs = [x, self._int32_constant(kind, "size", size)]
        return self._apply(kind, inputs, (batch, *size, channels), options=options, name=name)

    def mean(
        self,
        x: int,
        axes: Sequence[int],
        scale: float | None = None,
        zero_point: int | None = None,
        *,
        keep_dims: bool = False,
        name: str | None = None,
    ) -> int:
        """Add a MEAN over `axes`; the output may have its own quantization."""
        return self._reduce("MEAN", x, axes, scale, zero_point, keep_dims, name)

    def reduce_max(
        self, x: int, axes: Sequence[int], *, keep_dims: bool = False, name: str | None = None
    ) -> int:
        """Add a REDUCE_MAX over `axes`."""
        return self._reduce("REDUCE_MAX", x, axes, None, None, keep_dims, name)

    def _reduce(
        self,
        kind: str,
        x: int,
        axes: Sequence[int],
        scale: float | None,
        zero_point: int | None,
        keep_dims: bool,
        name: str | None,
    ) -> int:
        shape = self.shape(x)
        reduced = {axis % len(shape) for axis in axes}
        kept = [1 if axis in reduced else extent for axis, extent in enumerate(shape)]
        if not keep_dims:
            kept = [extent for axis, extent in enumerate(shape) if axis not in reduced]
        inputs = [x, self._int32_constant(kind, "axes", axes)]
        options = {"keep_dims": keep_dims}
        return self._apply(kind, inputs, kept, options=options, scale=scale, zero_point=zero_point, name=name)

    def arg_max(self, x: int, axis: int = -1, *, dtype: str = "int32", name: str | None = None) -> int:
        """Add an ARG_MAX along `axis`; the output is int32 or int64, not quantized."""
        shape = list(self.shape(x))
        del shape[axis]
        constant = self.constant(self._next_name("ARG_MAX", None) + "/axis", np.asarray(axis, np.int32))
        output = self.tensor(self._next_name("ARG_MAX", name), shape, dtype)
        self.operator("ARG_MAX", [x, constant], [output], {"output_type": dtype})
        return output
