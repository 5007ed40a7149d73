"""The distance at which an output may overwrite a dying input is safe, and as small as can be."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tvm_patch.kernels import OpView, RowKernel, RowWindow, TensorView
from tvm_patch.lowering.rows import feeds, overlap_distance


class _Fake(RowKernel):
    """A row kernel of which only the windows matter."""

    def __init__(
        self, window: RowWindow, height: int, row: int, out_height: int, out_row: int, elementwise: bool
    ):
        tensor = TensorView((1, height, 1, row), "int8")
        super().__init__(
            OpView("fake", "fake", (tensor,), (TensorView((1, out_height, 1, out_row), "int8"),))
        )
        self._window = window
        type(self).elementwise = elementwise

    @property
    def windows(self):
        return (self._window,)

    def row_function(self, form):
        raise AssertionError("not called")


def _survives(kernel: _Fake, distance: int) -> bool:
    """Replay the loop of lowering.layer on labelled bytes: is every row still intact when it is read?"""
    (feed,) = feeds(kernel)
    out_height, out_row = kernel.op.outputs[0].shape[1], kernel.op.outputs[0].shape[3]
    base = max(0, -distance)
    memory = np.full(base + abs(distance) + feed.height * feed.row_bytes + out_height * out_row, -1)
    source = base + distance
    for r in range(feed.height):
        memory[source + r * feed.row_bytes : source + (r + 1) * feed.row_bytes] = r

    def intact(r: int) -> bool:
        return bool(np.all(memory[source + r * feed.row_bytes : source + (r + 1) * feed.row_bytes] == r))

    window, loaded = feed.window, 0
    for y in range(out_height):
        first = window.first_row(y)
        if feed.direct:
            wanted = [first + j * window.dilation for j in range(window.size)]
            target = range(base + y * out_row, base + (y + 1) * out_row)
            for r in wanted:
                span = range(source + r * feed.row_bytes, source + (r + 1) * feed.row_bytes)
                if not intact(r) or max(span[0], target[0]) <= min(span[-1], target[-1]):
                    return False
        else:
            while loaded < min(feed.height, first + window.reach):
                if loaded >= first and not intact(loaded):
                    return False
                loaded += 1
        memory[base + y * out_row : base + (y + 1) * out_row] = -2
    return True


geometry = st.tuples(
    st.integers(1, 4), st.integers(1, 3), st.integers(1, 2), st.integers(0, 3), st.integers(0, 1),
    st.integers(1, 12), st.integers(1, 6), st.integers(1, 6),
)  # fmt: skip


@given(geometry)
@settings(max_examples=400, deadline=None, derandomize=True)
def test_overlap_distance_is_safe(g):
    size, stride, dilation, pad, columns, height, row, out_row = g
    window = RowWindow(size, stride, dilation, pad, columns, 0)
    out_height = (height + 2 * pad - window.reach) // stride + 1
    if out_height < 1:
        return
    kernel = _Fake(window, height, row, out_height, out_row, False)
    distance = overlap_distance(kernel, 0)
    assert distance is not None
    assert _survives(kernel, distance)


def test_three_by_three_depthwise_runs_in_place():
    """With rows copied to a rolling buffer first, a stride-1 depthwise needs no spare row at all."""
    kernel = _Fake(RowWindow(3, 1, 1, 1, 1, 1), 8, 16, 8, 16, False)
    assert overlap_distance(kernel, 0) <= 0
    assert feeds(kernel)[0].buffer_bytes == 3 * (16 + 2 * 16)


def test_expansion_needs_its_output_and_one_input_row():
    """1x1, 4 -> 24 channels in place: the arena holds the output and one row of input."""
    kernel = _Fake(RowWindow(), 10, 4, 10, 24, False)
    assert overlap_distance(kernel, 0) == 10 * 24 - 9 * 4


def test_elementwise_runs_exactly_in_place():
    kernel = _Fake(RowWindow(), 5, 7, 5, 7, True)
    assert overlap_distance(kernel, 0) == 0


def test_broadcast_row_is_never_overwritten():
    kernel = _Fake(RowWindow(stride=0), 1, 7, 5, 7, True)
    assert overlap_distance(kernel, 0) is None
