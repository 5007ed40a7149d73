from dataclasses import replace

import numpy as np
import pytest

from tests.unit.planner.networks import described
from tvm_patch.graph import Lifetime, Operator, Tensor, Window
from tvm_patch.planner import Network


def residual():
    """x -> a -> b; y = a + b."""
    x, a, b, y = (Tensor(n, (1, 4, 4, c)) for n, c in [("x", 3), ("a", 8), ("b", 8), ("y", 8)])
    operators = (
        described(0, "first", "conv2d", (x,), (a,), macs=100),
        described(1, "second", "conv2d", (a,), (b,), macs=50, weight_bytes=7),
        described(2, "sum", "add", (a, b), (y,)),
    )
    return Network.of("residual", operators, [x], [y])


def test_uses_and_lifetimes():
    net = residual()
    assert net.macs == 150
    assert net.weight_bytes == 7
    assert net.producer("x") is None
    assert net.producer("b").name == "second"
    assert [op.name for op in net.consumers("a")] == ["second", "sum"]
    assert net.lifetimes == {
        "x": Lifetime(-1, 0), "a": Lifetime(0, 2), "b": Lifetime(1, 2), "y": Lifetime(2, 3),
    }  # fmt: skip
    assert net.graph.live(1) == ("a", "b")
    assert net.graph.live_bytes(2) == 3 * 128


def test_sizes():
    t = Tensor("t", (1, 5, 6, 7), "int32")
    assert (t.size, t.nbytes, t.rows, t.row_bytes) == (210, 840, 5, 168)
    assert Tensor("s", ()).nbytes == 1
    assert Tensor("v", (1, 10)).rows == 1


def test_window():
    w = Window((3, 5), (2, 1), (1, 2, 1, 2), (2, 1))
    assert w.reach == (5, 5)
    with pytest.raises(ValueError, match="at least 1"):
        Window((0, 1))


def test_reordered():
    x, *made = (Tensor(n, (4,)) for n in "xabc")
    net = Network.of("n", [described(i, t.name, "relu", (x,), (t,)) for i, t in enumerate(made)], [x], made)
    again = net.reordered([2, 0, 1])
    assert [(op.index, op.name) for op in again.operators] == [(0, "c"), (1, "a"), (2, "b")]
    with pytest.raises(ValueError, match="permutation"):
        net.reordered([0, 0, 1])


X, A, Q = (Tensor(n, (4,)) for n in "xaq")


@pytest.mark.parametrize(
    ("operators", "message"),
    [
        ([described(1, "a", "k", (X,), (A,))], "has index 1"),
        ([described(0, "a", "k", (Q,), (A,))], "reads 'q' before it is made"),
        ([described(0, "a", "k", (A,), (A,))], "before it is made"),
        ([described(0, "a", "k", (X,), (X,))], "exists already"),
        ([described(0, "a", "k", (Tensor("x", (5,)),), (A,))], r"shape=\(5,\).*, made as .*shape=\(4,\)"),
        ([described(0, "a", "k", (X,), ())], "has no output"),
        ([], "the graph's result reads 'a' before it is made"),
    ],
)
def test_malformed(operators, message):
    with pytest.raises(ValueError, match=message):
        Network.of("n", operators, [X], [A])


def test_a_network_describes_its_own_graph():
    net = residual()
    with pytest.raises(ValueError, match="2 descriptions of 3 operators"):
        Network("n", net.graph, net.operators[:2])
    with pytest.raises(ValueError, match="another one than the graph's"):
        Network("n", net.graph, (*net.operators[:2], replace(net.operators[1], index=2)))


def test_window_of_an_operator():
    x, y = Tensor("x", (1, 8, 8, 2)), Tensor("y", (1, 8, 8, 4))
    weight = {"weight": np.zeros((4, 3, 5, 2), np.int8)}
    attrs = {"strides": [2, 1], "padding": [1, 2, 1, 2], "dilation": [1, 3]}
    window = Window((3, 5), (2, 1), (1, 2, 1, 2), (1, 3))
    assert Operator("conv2d", "c", (x,), (y,), weight, attrs).window == window
    pool = {"pool_size": [2, 2], "strides": [1, 1], "padding": [0] * 4}
    assert Operator("max_pool2d", "p", (x,), (y,), {}, pool).window == Window((2, 2))
    assert Operator("softmax", "s", (x,), (x,)).window is None
