import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from tvm_patch.planner import Network, OperatorDesc, TensorDesc, order
from tvm_patch.planner.order import best_order, order_peak


@st.composite
def networks(draw, max_operators=6):
    count = draw(st.integers(1, max_operators))
    tensors = {"x": TensorDesc("x", (draw(st.integers(1, 20)),))}
    operators = []
    for k in range(count):
        names = sorted(tensors)
        inputs = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
        tensors[f"t{k}"] = TensorDesc(f"t{k}", (draw(st.integers(1, 20)),))
        scratch = draw(st.integers(0, 5))
        operators.append(OperatorDesc(k, f"o{k}", "k", tuple(inputs), (f"t{k}",), scratch_bytes=scratch))
    return Network("n", tensors, tuple(operators), ("x",), (f"t{count - 1}",))


def least_peak(network):
    peaks = []
    for permutation in itertools.permutations(range(len(network.operators))):
        try:
            peaks.append(order_peak(network, permutation))
        except ValueError:
            continue
    return min(peaks)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(networks())
def test_least_peak(network):
    found = best_order(network)
    given_order = range(len(network.operators))
    assert order_peak(network, given_order if found is None else found) == least_peak(network)
    if found is not None:
        network.reordered(found)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(networks())
def test_peak_is_that_of_the_lifetimes(network):
    live = [network.live_bytes(op.index) + op.scratch_bytes for op in network.operators]
    assert order_peak(network, range(len(live))) == max(network.tensors["x"].nbytes, *live)


def branches(count):
    """x feeds `count` branches, each wide then narrow, all joined at the end; breadth first as given."""
    tensors = {"x": TensorDesc("x", (10,)), "y": TensorDesc("y", (count,))}
    operators = []
    for k in range(count):
        tensors[f"w{k}"] = TensorDesc(f"w{k}", (100,))
        operators.append(OperatorDesc(k, f"w{k}", "k", ("x",), (f"w{k}",)))
    for k in range(count):
        tensors[f"n{k}"] = TensorDesc(f"n{k}", (1,))
        operators.append(OperatorDesc(count + k, f"n{k}", "k", (f"w{k}",), (f"n{k}",)))
    narrow = tuple(f"n{k}" for k in range(count))
    operators.append(OperatorDesc(2 * count, "join", "k", narrow, ("y",)))
    return Network("b", tensors, tuple(operators), ("x",), ("y",))


def test_branches_one_after_the_other():
    network = branches(5)
    assert order_peak(network, range(11)) == 10 + 500
    assert order_peak(network, best_order(network)) == 10 + 100 + 4


def test_beam_takes_over_when_there_are_too_many_states(monkeypatch):
    monkeypatch.setattr(order, "_STATES", 10)
    network = branches(12)
    assert order_peak(network, best_order(network)) == 10 + 100 + 11


def test_a_chain_is_left_alone():
    tensors = {f"t{k}": TensorDesc(f"t{k}", (10,)) for k in range(4)}
    operators = tuple(OperatorDesc(k, f"o{k}", "k", (f"t{k}",), (f"t{k + 1}",)) for k in range(3))
    assert best_order(Network("c", tensors, operators, ("t0",), ("t3",))) is None


def test_savings_count_where_the_input_dies():
    tensors = {n: TensorDesc(n, (10,)) for n in "xab"}
    operators = (OperatorDesc(0, "a", "k", ("x",), ("a",)), OperatorDesc(1, "b", "k", ("a",), ("b",)))
    network = Network("s", tensors, operators, ("x",), ("b",))
    assert order_peak(network, [0, 1]) == 20
    assert order_peak(network, [0, 1], {(0, "x"): 10, (1, "a"): 6}) == 14
