"""Whose turn it is among branches: that of the one that looks down farthest."""

from __future__ import annotations

import pytest

from tests.unit.planner.networks import described
from tvm_patch.graph import Tensor
from tvm_patch.planner import Network
from tvm_patch.planner.layout.rows import RowsLayout
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.planner.segments import Segment

ONE = RowWindow()
SAME = RowWindow(3, pad_before=1, columns_before=1, columns_after=1, column_reach=3)
BELOW = RowWindow(3, columns_before=1, columns_after=1, column_reach=3)
"""A window that is not padded: the last row that it reads lies two rows down."""

SHAPE = (1, 12, 6, 4)


def network(*branches: tuple[RowWindow, ...]) -> Network:
    """Return branches over one tensor that are joined at the end, in run order."""
    tensors: dict[str, Tensor] = {name: Tensor(name, SHAPE) for name in ("x", "stem", "join")}
    operators = [described(0, "stem", "k", (tensors["x"],), (tensors["stem"],), rows=(ONE,))]
    ends = []
    for b, windows in enumerate(branches):
        source = "stem"
        for k, window in enumerate(windows):
            name = f"b{b}_{k}"
            tensors[name] = Tensor(name, SHAPE)
            operators.append(
                described(len(operators), name, "k", (tensors[source],), (tensors[name],), rows=(window,))
            )
            source = name
        ends.append(tensors[source])
    operators.append(
        described(len(operators), "join", "k", tuple(ends), (tensors["join"],), rows=(ONE,) * len(ends))
    )
    return Network.of("branches", operators, [tensors["x"]], [tensors["join"]])


def in_turn(made: Network) -> list[str]:
    return [made.operators[i].name for i in sorted(range(len(made.turns)), key=made.turns.__getitem__)]


@pytest.mark.parametrize(
    ("branches", "order"),
    [
        (((ONE,), (SAME,)), ["stem", "b1_0", "b0_0", "join"]),
        (((SAME,), (ONE,)), ["stem", "b0_0", "b1_0", "join"]),
        (((SAME,), (SAME,)), ["stem", "b0_0", "b1_0", "join"]),
        (((SAME,), (SAME, ONE, SAME), (BELOW,)), ["stem", "b1_0", "b1_1", "b1_2", "b2_0", "b0_0", "join"]),
        (((), (SAME,)), ["stem", "b1_0", "join"]),
    ],
)
def test_the_deepest_branch_goes_first(branches, order):
    assert in_turn(network(*branches)) == order


def test_branches_run_in_one_segment_whatever_the_run_order():
    shallow, deep = (ONE,), (SAME, SAME, SAME)
    for branches in ((shallow, deep), (deep, shallow)):
        made = network(*branches)
        layout = Segment(tuple(range(len(made.operators)))).lay_out(made)
        assert isinstance(layout, RowsLayout)
        # The deep branch looks three rows down, the other one reads the row beside.
        assert {name: buffer.slots for name, buffer in layout.buffers.items()}["stem"] == 4


def test_chains_take_turns_in_run_order():
    assert network((ONE, SAME, BELOW)).turns == (0, 1, 2, 3, 4)
