"""Random small networks described to the planner: chains, residuals, pyramids, squeezes, odd sizes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tvm_patch.graph import Operator, Tensor
from tvm_patch.planner.network import Network, OperatorDesc
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.planner.turned import turned_tensor


def window(kernel: int, stride: int, same: bool) -> RowWindow:
    """Return a square window, with padding on all sides or none."""
    pad = kernel // 2 if same else 0
    return RowWindow(kernel, stride, 1, pad, pad, pad, 0, stride, kernel)


def described(
    index: int,
    name: str,
    kind: str,
    inputs: tuple[Tensor, ...],
    outputs: tuple[Tensor, ...],
    weight_bytes: int = 0,
    **more,
) -> OperatorDesc:
    """Return an operator with so many bytes of constants, and what its kernel would say."""
    constants = {"weight": np.zeros(weight_bytes, np.int8)} if weight_bytes else {}
    return OperatorDesc(index, Operator(kind, name, inputs, outputs, constants), **more)


class Builder:
    """Adds operators to a network, one method a kind."""

    def __init__(self, height: int, width: int, channels: int) -> None:
        self.tensors = {"in": Tensor("in", (1, height, width, channels))}
        self.operators: list[OperatorDesc] = []

    def add(self, kind: str, inputs: tuple[str, ...], shape: tuple[int, ...], **more) -> str:
        name = f"t{len(self.operators)}"
        self.tensors[name] = Tensor(name, shape)
        index = len(self.operators)
        read = tuple(self.tensors[t] for t in inputs)
        self.operators.append(described(index, f"op{index}", kind, read, (self.tensors[name],), **more))
        return name

    def conv(self, source: str, kernel: int, stride: int, channels: int, same: bool = True) -> str:
        view = window(kernel, stride, same)
        _, h, w, c = self.tensors[source].shape
        h = (h + 2 * view.pad_before - kernel) // stride + 1
        w = (w + 2 * view.columns_before - kernel) // stride + 1
        macs = h * w * channels * c * kernel * kernel
        return self.add("conv2d", (source,), (1, h, w, channels), rows=(view,), macs=macs)

    def resized(self, source: str, height: int, columns: int, size: int, phase: int) -> str:
        """A resize to any height, and to a multiple of the columns; or a transposed convolution's demand for rows."""
        _, h, w, c = self.tensors[source].shape
        line = {"stride": h, "divisor": height, "phase": phase % height, "pad_before": size - 1}
        view = RowWindow(size=size, column_stride=0, column_reach=w, inside=True, **line)
        return self.add("resize", (source,), (1, height, columns * w, c), rows=(view,), bandable=False)

    def sum(self, left: str, right: str) -> str:
        shape = self.tensors[left].shape
        return self.add("add", (left, right), shape, rows=(RowWindow(), RowWindow()), elementwise=True)

    def pool(self, source: str) -> str:
        channels = self.tensors[source].shape[3]
        return self.add("mean", (source,), (1, 1, 1, channels), state_bytes=4 * channels, in_place=(None,))

    def scale(self, source: str, factor: str) -> str:
        whole = RowWindow(stride=0, column_stride=0)
        shape = self.tensors[source].shape
        return self.add("mul", (source, factor), shape, rows=(RowWindow(), whole), elementwise=True)

    def dense(self, source: str, channels: int) -> str:
        macs = self.tensors[source].size * channels
        shape = self.tensors[source].shape
        rows = {"state_bytes": 4 * channels, "bandable": False} if len(shape) == 4 and shape[1] > 1 else {}
        return self.add("fully_connected", (source,), (1, channels), macs=macs, in_place=(None,), **rows)

    def network(self, *outputs: str) -> Network:
        return Network.of("random", self.operators, [self.tensors["in"]], [self.tensors[t] for t in outputs])


def random_network(seed: int, most: int = 8, width: int = 14, *, resizes: bool = False) -> Network:
    """Return a network of about `most` operators on at most `width` columns; if `resizes`, some grow or shrink."""
    rng = random.Random(seed)
    b = Builder(rng.randint(5, 14), rng.randint(5, width), rng.randint(1, 4))
    at, taps = "in", []
    while len(b.operators) < most - 2:
        height, width, channels = b.tensors[at].shape[1:]
        choices = ["conv", "conv", "residual", "squeeze", "tap", "valid", "double"]
        choice = rng.choice(choices + ["resized"] * 4 * resizes)
        if choice == "resized":
            size = rng.choice((1, 1, 2, 2, 3))
            rows = rng.choice((2 * height, 2 * height, 3 * height, max(1, height // 2), rng.randint(1, 20)))
            at = b.resized(at, rows, rng.choice((1, 2)), size, rng.randint(0, rows))
        elif choice == "residual" and len(b.operators) + 3 <= most:
            wide = b.conv(at, 1, 1, channels * rng.choice((1, 3)))
            deep = b.conv(wide, rng.choice((1, 3, 5)), 1, channels)
            at = b.sum(*rng.sample([deep, at], 2))
        elif choice == "squeeze" and len(b.operators) + 4 <= most:
            wide = b.conv(at, rng.choice((1, 3)), 1, channels * 2)
            at = b.scale(wide, b.conv(b.pool(wide), 1, 1, channels * 2))
        elif choice == "double" and len(b.operators) + 3 <= most and min(height, width) > 4:
            left, right = b.conv(at, 3, 2, channels), b.conv(at, 1, 2, channels)
            if b.tensors[left].shape != b.tensors[right].shape:
                taps.append(right)
                at = left
            else:
                at = b.sum(right, left)
        elif choice == "valid" and min(height, width) > 5:
            at = b.conv(at, rng.choice((2, 3)), rng.choice((1, 2)), rng.randint(1, 5), same=False)
        elif min(height, width) >= 3:
            at = b.conv(at, rng.choice((1, 3, 5)), rng.choice((1, 1, 2)), rng.randint(1, 6))
        else:
            break
        if choice == "tap":
            taps.append(at)
    if rng.random() < 0.5:
        at = b.dense(b.pool(at) if rng.random() < 0.6 else at, 3)
    read = {t for op in b.operators for t in op.inputs}
    ends = dict.fromkeys([at, *(t for t in b.tensors if t not in read and t != "in"), *taps[:1]])
    return b.network(*ends)


class TurningShapes:
    """Operators turned by a quarter: their windows are square, so that only shapes change."""

    def __init__(self, operators: Sequence[OperatorDesc]) -> None:
        self.operators = operators

    def turned(self, index: int) -> OperatorDesc | None:
        op = self.operators[index]
        if not op.rows or not op.bandable:
            return None
        rows = tuple(
            replace(
                w,
                stride=w.column_stride,
                column_stride=w.stride,
                pad_before=w.columns_before,
                columns_before=w.pad_before,
                columns_after=w.pad_before,
            )
            for w in op.rows
        )
        inputs, outputs = (tuple(map(turned_tensor, ts)) for ts in (op.operator.inputs, op.operator.outputs))
        return replace(op, operator=replace(op.operator, inputs=inputs, outputs=outputs), rows=rows)

    def turned_kernel(self, index: int) -> None:
        raise NotImplementedError

    def tiled(self, index: int, columns: int) -> OperatorDesc:
        return self.operators[index]

    def tiled_kernel(self, index: int, columns: int) -> None:
        raise NotImplementedError

    def block(self, index: int, channels: int) -> None:
        return None

    def blocks(self, index: int, channels: int) -> tuple[OperatorDesc, ...]:
        return ()

    def block_kernels(self, index: int, channels: int) -> tuple[None, ...]:
        return ()
