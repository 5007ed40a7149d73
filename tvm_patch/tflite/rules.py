"""Rules that several operators share: element types, shapes, scales."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tvm_patch.tflite.model import Operator, Tensor
from tvm_patch.tflite.use import Role, Shape, Use

EIGHT_BITS = ("int8", "uint8")
_INDICES = ("int32", "int64")
_MOST_BYTES = 2**31 - 1  # of a picture with its padding: offsets into it are 32-bit


# ---------------------------------------------------------------------- element types


def int8_throughout(use: Use) -> None:
    """Refuse data, weights and outputs that are not int8."""
    weights = [use.tensor(i) for i, role in enumerate(use.roles) if role is Role.WEIGHT]
    for tensor in (*use.data, *weights, use.outputs[0]):
        use.want(tensor, ("int8",))


def type_kept(use: Use) -> None:
    """Refuse data that is only moved and changes its type."""
    moved = use.data
    for tensor in (*moved, *use.outputs):
        use.agree(tensor, moved[0].dtype)


def type_option(use: Use, option: str) -> str:
    """Return the element type that an option gives the output."""
    dtype = str(use.op.options[option])
    if dtype not in _INDICES:
        raise use.refuse(f"{option} is {dtype}, not int32 or int64")
    return dtype


# ---------------------------------------------------------------------- shapes


def same_shape(use: Use) -> list[Shape]:
    """Return the first input's shape."""
    return [use.shape(0)]


def broadcast(use: Use) -> list[Shape]:
    """Return the shape of the first two inputs broadcast."""
    first, second = use.shape(0), use.shape(1)
    try:
        return [tuple(int(d) for d in np.broadcast_shapes(first, second))]
    except ValueError:
        raise use.refuse(f"shapes {list(first)} and {list(second)} do not broadcast") from None


def window(use: Use, data: Shape, kernel: Sequence[int], dilated: bool) -> tuple[int, int]:
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


# ---------------------------------------------------------------------- scales


def largest(tensor: Tensor) -> float:
    """Return the largest magnitude of a tensor's scales; 1 where it has none."""
    return 1.0 if tensor.quantization is None else float(abs(tensor.quantization.scale).max())


def input_scales(use: Use) -> list[float]:
    """Return the largest scale of each 8-bit input."""
    return [largest(t) for t in use.inputs if t is not None and t.dtype in EIGHT_BITS]


def largest_scale(use: Use) -> float:
    """Return the value of one step of the coarsest input."""
    return max(input_scales(use), default=0.0)


def product_of_scales(use: Use) -> float:
    """Return the value of one step of a product of two inputs."""
    scales = input_scales(use)
    return scales[0] * scales[1]


def grid(tensor: Tensor) -> tuple[list[float], list[int]] | None:
    """Return scales and zero points, or None for a tensor that has none."""
    q = tensor.quantization
    return None if q is None else (q.scale.tolist(), q.zero_point.tolist())


# ---------------------------------------------------------------------- values


def folded(
    move: Callable[[Operator, Sequence[np.ndarray]], np.ndarray],
) -> Callable[[Use], np.ndarray | None]:
    """Return the `fold` of an operator that computes `move` of all its inputs."""

    def fold(use: Use) -> np.ndarray | None:
        values = use.values()
        return None if values is None else move(use.op, values)

    return fold
