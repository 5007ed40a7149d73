"""What an operator does that takes time: how often each piece of its kernel runs.

A piece is a stretch of code whose length does not depend on the geometry: the head of a row's function, a register
tile, four multiply-accumulates of a tile.  Counting pieces is all that is done here; how many cycles one takes is
measured (:attr:`tvm_patch.targets.Target.costs`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import prod

from tvm_patch.planner.network import Network, OperatorDesc

Pieces = Mapping[str, float]

_PAIRED_ROWS = 7
"""Rows of a depthwise kernel up to which two rows are multiplied at once."""
_WINOGRAD_ROWS = 3
"""Kernel rows, whose transformed inputs are one dot product."""
_UNROLLED_TAPS = 16
_SHORT_RUN = 16
"""Bytes up to which the C compiler copies without a call."""


@dataclass(frozen=True)
class Terms:
    """Pieces of an operator's code, by when they run.

    Attributes
    ----------
    call : mapping of str to float
        For every row (and band, or patch).
    column : mapping of str to float
        For every column of a row.
    once : mapping of str to float
        When the operator runs.
    dynamic : mapping of str to float
        For every row whose number of columns is known at run time only: bands of different widths.
    """

    call: Pieces = field(default_factory=dict)
    column: Pieces = field(default_factory=dict)
    once: Pieces = field(default_factory=dict)
    dynamic: Pieces = field(default_factory=dict)


def row_terms(network: Network, op: OperatorDesc, reduces: bool = False) -> Terms:
    """Return the pieces of an operator that runs row by row.

    Parameters
    ----------
    network : Network
        For shapes.
    op : OperatorDesc
    reduces : bool
        Whether it reads rows into accumulators; columns are then those that it reads.
    """
    if reduces:
        return _reduction(network, op)
    return _ROWS.get(op.kind, _other)(network, op)


def lone_terms(network: Network, op: OperatorDesc) -> Terms:
    """Return the same where the operator runs by itself in one band: its rows may be one long row then."""
    if not (op.flat and op.kind == "conv2d"):
        return row_terms(network, op)
    _, out = shapes(network, op)
    terms = _dot_products(network, op, single=out[1] * out[2] == 1)
    return Terms(column=terms.column, once=terms.call)


def shapes(network: Network, op: OperatorDesc) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the shapes of the first input and the output."""
    return network.tensors[op.inputs[0]].shape, network.tensors[op.outputs[0]].shape


def dot(name: str, tiles: int, runs: int, length: int, flatten: int = 4, unroll: int = 2) -> dict[str, float]:
    """Return the pieces of dot products: `tiles` tiles of `runs` runs of `length` elements."""
    quads, rest = divmod(length, 4)
    loops = quads // unroll if quads > flatten else 0
    return {
        f"{name}.tile": tiles,
        f"{name}.run": tiles * (runs - 1),
        f"{name}.quad": tiles * runs * quads,
        f"{name}.rest": tiles * runs * rest,
        f"{name}.loop": tiles * runs * loops,
    }


def _conv2d(network: Network, op: OperatorDesc) -> Terms:
    if op.window is None or not op.macs:
        return _other(network, op)
    data, out = shapes(network, op)
    if op.code == "WinogradConv2d":
        return _winograd(data[3], out[3])
    return _dot_products(network, op, single=out[2] == 1)


def _dot_products(network: Network, op: OperatorDesc, *, single: bool) -> Terms:
    """Return the pieces of a convolution by dot products; `single` is a row of one pixel."""
    data, out = shapes(network, op)
    assert op.window is not None
    height, width = op.window.kernel
    group_in = max(1, op.macs // (prod(out) * height * width))
    grouped = data[3] > group_in
    joined = width == 1 or (not grouped and op.window.dilation[1] == 1)
    runs, length = (height, width * group_in) if joined else (height * width, group_in)
    quads = runs * (length // 4) + -(-runs * (length % 4) // 4)
    pairs = -(-out[3] // 2)
    name = "grouped" if grouped else "pointwise" if runs == 1 else "conv"
    name += ".only" if single and name == "pointwise" else ""
    column = {
        f"{name}.pair": pairs,
        f"{name}.quad": pairs * quads,
        f"{name}.widen": quads,
        f"{name}.rest": runs * (length % 4),
    }
    # Bands of different widths are made in tiles that overlap.
    dynamic = {f"{name}.dynamic": pairs, f"{name}.dynamic.quad": pairs * quads}
    return Terms({f"{name}.call": 1, f"{name}.row": runs - 1}, column, dynamic=dynamic)


def _winograd(inputs: int, outputs: int) -> Terms:
    quads, pairs = _WINOGRAD_ROWS * inputs // 4, -(-outputs // 2)
    column = {"winograd.input": quads, "winograd.pair": pairs, "winograd.quad": pairs * quads}
    dynamic = {"winograd.dynamic": pairs, "winograd.dynamic.quad": pairs * quads}
    return Terms({"winograd.call": 1, "winograd.weights": pairs * quads}, column, dynamic=dynamic)


def _depthwise(network: Network, op: OperatorDesc) -> Terms:
    data, out = shapes(network, op)
    if op.window is None:
        return _other(network, op)
    height, width = op.window.kernel
    multiplier = out[3] // data[3]
    fours = -(-out[3] // 4)
    if op.code == "ColumnDepthwise":
        return Terms(
            {
                "depthwise.only.call": 1,
                "depthwise.only.channels": fours,
                "depthwise.only.tap": fours * height,
            }
        )
    if op.code == "DirectDepthwise":
        taps = height * width
        call = {"depthwise.direct.call": 1, "depthwise.direct.channels": fours}
        column = {"depthwise.direct.column": fours, "depthwise.direct.tap": fours * taps}
        return Terms(call, column, dynamic={"depthwise.direct.dynamic": fours})
    if multiplier > 1 or out[3] < 4 or height > _PAIRED_ROWS:
        packed = out[3] >= 4 and (multiplier == 1 or multiplier % 4 == 0)
        name, tiles = ("depthwise.single", fours) if packed else ("depthwise.scalar", out[3])
        column = {f"{name}.column": tiles, f"{name}.tap": tiles * height * width}
        return Terms({f"{name}.call": 1, f"{name}.channels": tiles}, column)
    stride = op.window.stride[1]
    pairs = -(-height // 2)
    call = {
        "depthwise.call": 1,
        "depthwise.channels": fours,
        "depthwise.weights": fours * pairs * width,
        "depthwise.edge": fours * pairs * (width - 1),
    }
    column = {
        "depthwise.column": fours,
        "depthwise.tap": fours * pairs * width,
        "depthwise.gathered": fours * stride,
        "depthwise.gather": fours * stride * pairs,
    }
    dynamic = {"depthwise.dynamic": fours, "depthwise.dynamic.tap": fours * pairs * width}
    return Terms(call, column, dynamic=dynamic)


def _broadcasts(network: Network, op: OperatorDesc) -> bool:
    """Tell whether an element-wise operator walks its columns one by one: an operand has one value a channel."""
    width = network.tensors[op.outputs[0]].shape[2]
    return width > 1 and (any(w.column_stride == 0 for w in op.rows) or op.weight_bytes > 8)


def _arithmetic(network: Network, op: OperatorDesc) -> Terms:
    _, out = shapes(network, op)
    name = "mul" if op.kind == "mul" else "add"
    if _broadcasts(network, op):
        words, rest = divmod(out[3], 4)
        column: dict[str, float] = {f"{name}.column": 1, f"{name}.word": words, f"{name}.rest": rest}
    else:
        column = {f"{name}.word": out[3] / 4}
    return Terms({f"{name}.call": 1}, column)


def _per_element(name: str) -> Callable[[Network, OperatorDesc], Terms]:
    def terms(network: Network, op: OperatorDesc) -> Terms:
        _, out = shapes(network, op)
        return Terms({f"{name}.call": 1}, {f"{name}.element": out[3]})

    return terms


def copied(name: str, runs: float, size: int) -> dict[str, float]:
    """Return the pieces of copying (or filling) runs of `size` bytes."""
    if size <= _SHORT_RUN:
        return {f"{name}.short": runs, f"{name}.word": runs * -(-size // 4)}
    return {f"{name}.long": runs, f"{name}.byte": runs * size}


def joined(parts: Iterable[Pieces]) -> dict[str, float]:
    """Return all the pieces of some parts."""
    total: dict[str, float] = {}
    for part in parts:
        for name, count in part.items():
            total[name] = total.get(name, 0.0) + count
    return total


def _concat(network: Network, op: OperatorDesc) -> Terms:
    parts = [network.tensors[t].shape for t in op.inputs]
    if int(op.attrs.get("axis", 3)) % 4 == 2:
        return Terms(joined(copied(op.kind, 1, shape[2] * shape[3]) for shape in parts))
    return Terms({f"{op.kind}.call": 1}, joined(copied(op.kind, 1, shape[3]) for shape in parts))


def _pad_channels(network: Network, op: OperatorDesc) -> Terms:
    data, out = shapes(network, op)
    if data[3] == out[3]:  # rows and columns: one run, which is beside its padding already
        return Terms({f"{op.kind}.call": 1, **copied(op.kind, 1, out[2] * out[3])})
    return Terms(
        {f"{op.kind}.call": 1}, joined((copied(op.kind, 1, data[3]), copied(op.kind, 1, out[3] - data[3])))
    )


def _softmax(network: Network, op: OperatorDesc) -> Terms:
    _, out = shapes(network, op)
    return Terms({"softmax.call": 1}, {"softmax.row": 1, "softmax.element": out[3]})


def _resize_nearest(network: Network, op: OperatorDesc) -> Terms:
    return Terms({f"{op.kind}.call": 1}, copied(op.kind, 1, network.tensors[op.outputs[0]].shape[3]))


def _resize_bilinear(network: Network, op: OperatorDesc) -> Terms:
    channels = network.tensors[op.outputs[0]].shape[3]
    return Terms({f"{op.kind}.call": 1}, {"resize_bilinear.column": 1, "resize_bilinear.element": channels})


def _transpose_conv(network: Network, op: OperatorDesc) -> Terms:
    data, out = shapes(network, op)
    tiles = -(-out[3] // 4)
    # A tile meets each tap that reaches it: on average so many.
    taps = op.macs / max(1, data[3] * prod(out))
    column = {
        "transpose_conv.column": 1,
        "transpose_conv.tile": tiles,
        "transpose_conv.tap": tiles * taps,
        "transpose_conv.quad": tiles * taps * (data[3] // 4),
    }
    return Terms({"transpose_conv.call": 1}, column)


def _pool(network: Network, op: OperatorDesc) -> Terms:
    _, out = shapes(network, op)
    if op.window is None:
        return _other(network, op)
    height, width = op.window.kernel
    looped = height * width > _UNROLLED_TAPS
    name = op.kind + (".loop" if looped else "")
    column = {f"{name}.element": out[3], f"{name}.tap": out[3] * height * width}
    if looped:
        column[f"{name}.column"] = out[3] * width
    return Terms({f"{op.kind}.call": 1}, column)


def _mean_columns(network: Network, op: OperatorDesc) -> Terms:
    data, out = shapes(network, op)
    return Terms(
        {"mean_columns.call": 1, "mean_columns.channel": out[3], "reduce.word": data[2] * data[3] / 4}
    )


def _reduction(network: Network, op: OperatorDesc) -> Terms:
    data, _ = shapes(network, op)
    if op.kind == "fully_connected":
        tiles = -(-network.tensors[op.outputs[0]].size // 4)
        return Terms({f"{op.kind}.call": 1, **dot(op.kind, tiles, 1, data[2] * data[3], 2, 1)})
    words, rest = divmod(data[3], 4)
    name = "reduce_max" if "max" in op.kind else "reduce"
    return Terms(
        {f"{name}.call": 1, f"{name}.join": words},
        {f"{name}.word": words, f"{name}.rest": rest},
        once={f"{name}.result": data[3]},
    )


def _other(network: Network, op: OperatorDesc) -> Terms:
    out = network.tensors[op.outputs[0]]
    columns = out.shape[2] if len(out.shape) == 4 else 1
    per_column = op.macs / max(1, out.rows * columns)
    return Terms(
        {"other.call": 1}, {"other.element": out.size / max(1, out.rows * columns), "other.mac": per_column}
    )


_ROWS: dict[str, Callable[[Network, OperatorDesc], Terms]] = {
    "conv2d": _conv2d,
    "depthwise_conv2d": _depthwise,
    "add": _arithmetic,
    "sub": _arithmetic,
    "mul": _arithmetic,
    "lookup": _per_element("lookup"),
    "concat": _concat,
    "pad": _pad_channels,
    "resize_nearest": _resize_nearest,
    "resize_bilinear": _resize_bilinear,
    "transpose_conv2d": _transpose_conv,
    "avg_pool2d": _pool,
    "max_pool2d": _pool,
    "mean": _mean_columns,
    "softmax": _softmax,
}
"""By kind, for operators that run row by row."""
