"""The shape that each operator makes, from its inputs and options alone.

What a file says of an output is only a claim; :mod:`tvm_patch.frontend.agreement` compares it with these.  The rules
refuse what LiteRT's ``Prepare`` refuses: everything behind them may rely on what they let through.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np

from tvm_patch.frontend.fold_constants import slices
from tvm_patch.frontend.names import words
from tvm_patch.frontend.use import RECONVERT, Shape, Use
from tvm_patch.tflite.model import quoted

Rule = Callable[[Use], Sequence[Shape]]

_MOST_BYTES = 2**31 - 1  # of a picture with its padding: offsets into it are 32-bit


# ---------------------------------------------------------------------- windows


def _window(use: Use, data: Shape, kernel: Sequence[int], dilated: bool) -> tuple[int, int]:
    """Return height and width of what a window makes of NHWC `data`."""
    options = use.op.options
    extents, reaches, padded = [], [], 1
    for axis, letter in enumerate("hw"):
        stride = use.number(f"stride_{letter}")
        reach = (kernel[axis] - 1) * (use.number(f"dilation_{letter}_factor") if dilated else 1) + 1
        extent = _extent(data[axis + 1], reach, stride, options["padding"])
        extents.append(extent)
        reaches.append(reach)
        padded *= max(data[axis + 1], (extent - 1) * stride + reach)
    if min(extents) < 1:
        raise use.refuse(f"a window reaching over {reaches} does not fit into {list(data[1:3])}")
    if padded * data[3] > _MOST_BYTES:
        raise use.refuse(f"a window reaching over {reaches}: its input with padding is more than 2 GiB")
    return extents[0], extents[1]


def _extent(size: int, reach: int, stride: int, padding: str) -> int:
    return -(-size // stride) if padding == "SAME" else (size - reach) // stride + 1


def _check_bias(use: Use, position: int, channels: int) -> None:
    bias = use.optional(position)
    if bias is not None and bias.size != channels:
        raise use.refuse(f"bias {quoted(bias.name)} has {bias.size} numbers for {channels} channels")


def _check_scales(use: Use, channels: int) -> None:
    weight = use.tensor(1)
    q = weight.quantization
    if q is not None and q.per_channel and q.scale.size != channels:
        raise use.refuse(f"weights {quoted(weight.name)} have {q.scale.size} scales for {channels} channels")


def _conv_2d(use: Use) -> list[Shape]:
    data, weight = use.shape(0, 4), use.shape(1, 4)
    channels, depth = weight[0], weight[3]
    if depth < 1 or data[3] % depth or channels < 1 or channels % (data[3] // depth):
        raise use.refuse(f"weights of shape {list(weight)} for an input of shape {list(data)}")
    _check_bias(use, 2, channels)
    _check_scales(use, channels)
    return [(data[0], *_window(use, data, weight[1:3], dilated=True), channels)]


def _depthwise_conv_2d(use: Use) -> list[Shape]:
    data, weight = use.shape(0, 4), use.shape(1, 4)
    channels = weight[3]
    if weight[0] != 1 or channels < 1 or channels % data[3]:
        raise use.refuse(f"weights of shape {list(weight)} for an input of shape {list(data)}")
    multiplier = use.number("depth_multiplier", 0, 2**31 - 1)
    if multiplier not in (0, channels // data[3]):  # 0: a converter that left it to the shapes
        raise use.refuse(
            f"depth_multiplier is {multiplier}, but the weights make {channels} channels of {data[3]}"
        )
    _check_bias(use, 2, channels)
    _check_scales(use, channels)
    return [(data[0], *_window(use, data, weight[1:3], dilated=True), channels)]


def _transpose_conv(use: Use) -> list[Shape]:
    data, weight = use.shape(2, 4), use.shape(1, 4)
    use.shape(0, 1)
    made = tuple(use.ints(0, 4))
    if weight[3] != data[3] or made[0] != data[0] or made[3] != weight[0] or min(made) < 1:
        raise use.refuse(
            f"weights of shape {list(weight)} and an input of shape {list(data)} for an output of {list(made)}"
        )
    # The forward convolution of the output must give the input.
    back = _window(use, made, weight[1:3], dilated=False)
    if back != data[1:3]:
        raise use.refuse(
            f"an output of {list(made[1:3])} comes from {list(back)}, not from {list(data[1:3])}"
        )
    _check_bias(use, 3, weight[0])
    _check_scales(use, weight[0])
    return [made]


def _fully_connected(use: Use) -> list[Shape]:
    data, (units, depth) = use.shape(0), use.shape(1, 2)
    if depth < 1 or units < 1 or prod(data) % depth:
        raise use.refuse(f"{prod(data)} inputs for rows of {depth} weights")
    _check_bias(use, 2, units)
    _check_scales(use, units)
    if use.op.options["keep_num_dims"]:
        if data[-1:] != (depth,):
            raise use.refuse(
                f"rows of {depth} weights for an input of shape {list(data)} that keeps its shape"
            )
        return [(*data[:-1], units)]
    return [(prod(data) // depth, units)]


def _pool(use: Use) -> list[Shape]:
    data = use.shape(0, 4)
    kernel = use.number("filter_height"), use.number("filter_width")
    return [(data[0], *_window(use, data, kernel, dilated=False), data[3])]


def _resize(use: Use) -> list[Shape]:
    data = use.shape(0, 4)
    use.shape(1, 1)
    height, width = use.ints(1, 2)
    if min(height, width) < 1:
        raise use.refuse(f"a size of {[height, width]}")
    if use.op.options["align_corners"] and use.op.options["half_pixel_centers"]:
        raise use.refuse("align_corners and half_pixel_centers, of which there can be only one")
    return [(data[0], height, width, data[3])]


# ---------------------------------------------------------------------- element by element


def _same(use: Use) -> list[Shape]:
    return [use.shape(0)]


def _softmax(use: Use) -> list[Shape]:
    if not use.shape(0):
        raise use.refuse("softmax of a scalar")
    return [use.shape(0)]


def _broadcast(use: Use) -> list[Shape]:
    first, second = use.shape(0), use.shape(1)
    try:
        return [tuple(int(d) for d in np.broadcast_shapes(first, second))]
    except ValueError:
        raise use.refuse(f"shapes {list(first)} and {list(second)} do not broadcast") from None


# ---------------------------------------------------------------------- reductions


def _reduce(use: Use) -> list[Shape]:
    data = use.shape(0)
    axes = {use.axis(a, len(data)) for a in use.ints(1)}
    keep = bool(use.op.options["keep_dims"])
    return [tuple(1 if i in axes else d for i, d in enumerate(data) if keep or i not in axes)]


def _arg_max(use: Use) -> list[Shape]:
    data = use.shape(0)
    axis = use.axis(use.ints(1, 1, wide=True)[0], len(data))
    return [data[:axis] + data[axis + 1 :]]


# ---------------------------------------------------------------------- movement


def _reshape(use: Use) -> list[Shape]:
    data = use.shape(0)
    shape = use.optional(1)
    if shape is None or len(shape.shape) != 1 or shape.dtype != "int32":
        # As in LiteRT: what is no vector of int32 is not looked at (Edge Impulse writes matrices).
        wanted = [int(d) for d in use.op.options["new_shape"]]
    else:
        wanted = use.ints(1)
    if wanted == [0] and not use.outputs[0].shape:
        wanted = []  # how old converters wrote the shape of a scalar
    rest = prod(d for d in wanted if d != -1)
    if wanted.count(-1) > 1 or min(wanted, default=1) < -1 or rest < 1:
        raise use.refuse(f"a shape of {wanted}", RECONVERT)
    made = tuple(prod(data) // rest if d == -1 else d for d in wanted)
    if prod(made) != prod(data):
        raise use.refuse(f"reshape of {quoted(use.tensor(0).name)} from {list(data)} to {wanted}", RECONVERT)
    return [made]


def _squeeze(use: Use) -> list[Shape]:
    data = use.shape(0)
    axes = {use.axis(int(a), len(data)) for a in use.op.options["squeeze_dims"]}
    axes = axes or {i for i, d in enumerate(data) if d == 1}
    if any(data[a] != 1 for a in axes):
        raise use.refuse(f"dimensions {sorted(axes)} of shape {list(data)} are not all 1", RECONVERT)
    return [tuple(d for i, d in enumerate(data) if i not in axes)]


def _expand_dims(use: Use) -> list[Shape]:
    data = use.shape(0)
    axis = use.axis(use.ints(1, 1, wide=True)[0], len(data) + 1)
    return [(*data[:axis], 1, *data[axis:])]


def _transpose(use: Use) -> list[Shape]:
    data = use.shape(0)
    use.shape(1, 1)
    order = use.ints(1)
    if sorted(order) != list(range(len(data))):
        raise use.refuse(f"{order} is not an order of {len(data)} dimensions")
    return [tuple(data[i] for i in order)]


def _join(use: Use, axis: int, shapes: Sequence[Shape]) -> Shape:
    """Return the shape of `shapes` one after the other along `axis`."""
    first = shapes[0]
    for shape in shapes:
        if len(shape) != len(first) or any(
            a != b for i, (a, b) in enumerate(zip(shape, first, strict=True)) if i != axis
        ):
            raise use.refuse(f"parts of shapes {list(first)} and {list(shape)} along axis {axis}")
    return (*first[:axis], sum(s[axis] for s in shapes), *first[axis + 1 :])


def _parts(use: Use) -> list[Shape]:
    return [use.shape(i) for i in range(len(use.inputs))]


def _concatenation(use: Use) -> list[Shape]:
    shapes = _parts(use)
    return [_join(use, use.axis(int(use.op.options["axis"]), len(shapes[0])), shapes)]


def _pack(use: Use) -> list[Shape]:
    shapes = _parts(use)
    if use.op.options["values_count"] != len(shapes):
        raise use.refuse(f"{len(shapes)} parts, but values_count is {use.op.options['values_count']}")
    axis = use.axis(int(use.op.options["axis"]), len(shapes[0]) + 1)
    if any(s != shapes[0] for s in shapes):
        raise use.refuse(f"parts of different shapes: {', '.join(str(list(s)) for s in shapes[:4])}")
    return [(*shapes[0][:axis], len(shapes), *shapes[0][axis:])]


def _split(use: Use) -> list[Shape]:
    data, parts = use.shape(1), len(use.outputs)
    axis = use.axis(use.ints(0, 1)[0], len(data))
    if data[axis] % parts:
        raise use.refuse(f"{data[axis]} elements along axis {axis} do not make {parts} equal parts")
    return [(*data[:axis], data[axis] // parts, *data[axis + 1 :])] * parts


def _split_v(use: Use) -> list[Shape]:
    data = use.shape(0)
    axis = use.axis(use.ints(2, 1)[0], len(data))
    sizes = use.ints(1, len(use.outputs), wide=True)
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = data[axis] - sum(s for s in sizes if s != -1)
    if min(sizes) < 1 or sum(sizes) != data[axis]:
        raise use.refuse(f"parts of {sizes} do not add up to {data[axis]}", RECONVERT)
    return [(*data[:axis], s, *data[axis + 1 :]) for s in sizes]


def _strided_slice(use: Use) -> list[Shape]:
    data, masks = use.shape(0), use.op.options
    if masks["ellipsis_mask"] or masks["new_axis_mask"]:
        raise use.refuse("ellipsis or new-axis masks", "slice with explicit begin and end")
    if masks["offset"]:
        raise use.refuse("an end that counts from the begin", "slice with explicit begin and end")
    for position in (1, 2, 3):
        use.shape(position, 1)
    begin, end, strides = (use.ints(p) for p in (1, 2, 3))
    if not len(begin) == len(end) == len(strides) <= len(data) or 0 in strides:
        raise use.refuse(f"from {begin} to {end} by {strides} in shape {list(data)}")
    for axis, (first, stride) in enumerate(zip(begin, strides, strict=True)):
        shrunk = masks["shrink_axis_mask"] & (1 << axis)
        masked = masks["begin_mask"] & (1 << axis)
        if shrunk and (stride < 0 or not (masked or -data[axis] <= first < data[axis])):
            raise use.refuse(f"element {first} by {stride} of {data[axis]} along axis {axis}")
    ranges = slices(use.op, data, *(np.array(v, np.int64) for v in (begin, end, strides)))
    counts = [len(range(*r.indices(d))) for r, d in zip(ranges, data, strict=False)]
    if 0 in counts:
        raise use.refuse(f"a slice of shape {counts} has no elements", RECONVERT)
    kept = [c for i, c in enumerate(counts) if not masks["shrink_axis_mask"] & (1 << i)]
    return [(*kept, *data[len(counts) :])]


def _gather(use: Use) -> list[Shape]:
    data, indices = use.shape(0), use.shape(1)
    if use.op.options["batch_dims"]:
        raise use.refuse("batch_dims other than 0", "gather without batch dimensions")
    axis = use.axis(int(use.op.options["axis"]), len(data))
    chosen = use.ints(1, wide=True)
    if not chosen or not 0 <= min(chosen) <= max(chosen) < data[axis]:
        bounds = f"from {min(chosen)} to {max(chosen)}" if chosen else "none"
        raise use.refuse(f"indices {bounds} into {data[axis]} elements", "LiteRT refuses it as well")
    return [(*data[:axis], *indices, *data[axis + 1 :])]


def _tile(use: Use) -> list[Shape]:
    data = use.shape(0)
    use.shape(1, 1)
    times = use.ints(1, len(data), wide=True)
    if min(times, default=1) < 1:
        raise use.refuse(f"{times} repetitions", RECONVERT)
    return [tuple(d * t for d, t in zip(data, times, strict=True))]


def _pad(use: Use) -> list[Shape]:
    data = use.shape(0)
    tensor = use.tensor(1)
    widths = use.ints(1, wide=True)
    if tensor.shape != (len(data), 2) or min(widths, default=0) < 0:
        raise use.refuse(
            f"paddings {quoted(tensor.name)} of shape {list(tensor.shape)}, from {min(widths, default=0)}, "
            f"for an input of shape {list(data)}"
        )
    return [tuple(d + widths[2 * i] + widths[2 * i + 1] for i, d in enumerate(data))]


def _shape(use: Use) -> list[Shape]:
    return [(len(use.shape(0)),)]


SHAPE_RULES: dict[str, Rule] = {
    "CONV_2D": _conv_2d,
    "DEPTHWISE_CONV_2D": _depthwise_conv_2d,
    "TRANSPOSE_CONV": _transpose_conv,
    "FULLY_CONNECTED": _fully_connected,
    "SOFTMAX": _softmax,
    "ARG_MAX": _arg_max,
    "RESHAPE": _reshape,
    "SQUEEZE": _squeeze,
    "EXPAND_DIMS": _expand_dims,
    "TRANSPOSE": _transpose,
    "CONCATENATION": _concatenation,
    "PACK": _pack,
    "SPLIT": _split,
    "SPLIT_V": _split_v,
    "STRIDED_SLICE": _strided_slice,
    "GATHER": _gather,
    "TILE": _tile,
    "SHAPE": _shape,
    **dict.fromkeys(words("AVERAGE_POOL_2D MAX_POOL_2D"), _pool),
    **dict.fromkeys(words("RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR"), _resize),
    **dict.fromkeys(words("ADD SUB MUL MAXIMUM MINIMUM PRELU"), _broadcast),
    **dict.fromkeys(words("MEAN REDUCE_MAX"), _reduce),
    **dict.fromkeys(words("PAD PADV2"), _pad),
    **dict.fromkeys(
        words("RELU RELU6 RELU_N1_TO_1 LEAKY_RELU HARD_SWISH LOGISTIC TANH QUANTIZE DEQUANTIZE"), _same
    ),
}
"""Rule by operator kind, for every kind that can be compiled."""
