import pytest

from tvm_patch.planner import Lifetime, Network, OperatorDesc, TensorDesc, Window


def residual():
    """x -> a -> b; y = a + b."""
    tensors = {n: TensorDesc(n, (1, 4, 4, c)) for n, c in [("x", 3), ("a", 8), ("b", 8), ("y", 8)]}
    operators = (
        OperatorDesc(0, "first", "conv2d", ("x",), ("a",), Window((3, 3), padding=(1, 1, 1, 1)), macs=100),
        OperatorDesc(1, "second", "conv2d", ("a",), ("b",), macs=50, weight_bytes=7),
        OperatorDesc(2, "sum", "add", ("a", "b"), ("y",)),
    )
    return Network("residual", tensors, operators, ("x",), ("y",))


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


def test_sizes():
    t = TensorDesc("t", (1, 5, 6, 7), "int32")
    assert (t.size, t.nbytes, t.rows, t.row_bytes) == (210, 840, 5, 168)
    assert TensorDesc("s", ()).nbytes == 1
    assert TensorDesc("v", (1, 10)).rows == 1


def test_window():
    w = Window((3, 5), (2, 1), (1, 2, 1, 2), (2, 1))
    assert w.reach == (5, 5)
    assert [w.first_row(y) for y in range(3)] == [0, 1, 3]
    with pytest.raises(ValueError, match="at least 1"):
        Window((0, 1))


def test_reordered():
    tensors = {n: TensorDesc(n, (4,)) for n in "xabc"}
    ops = tuple(OperatorDesc(i, n, "relu", ("x",), (n,)) for i, n in enumerate("abc"))
    net = Network("n", tensors, ops, ("x",), ("a", "b", "c"))
    again = net.reordered([2, 0, 1])
    assert [(op.index, op.name) for op in again.operators] == [(0, "c"), (1, "a"), (2, "b")]
    with pytest.raises(ValueError, match="permutation"):
        net.reordered([0, 0, 1])


@pytest.mark.parametrize(
    ("operators", "message"),
    [
        ([OperatorDesc(1, "a", "k", ("x",), ("a",))], "has index 1"),
        ([OperatorDesc(0, "a", "k", ("q",), ("a",))], "unknown tensor 'q'"),
        ([OperatorDesc(0, "a", "k", ("a",), ("a",))], "before it is made"),
        ([OperatorDesc(0, "a", "k", ("x",), ("x",))], "exists already"),
        ([], "that nothing makes"),
    ],
)
def test_malformed(operators, message):
    tensors = {n: TensorDesc(n, (4,)) for n in "xa"}
    with pytest.raises(ValueError, match=message):
        Network("n", tensors, tuple(operators), ("x",), ())
