from tvm_patch.planner import Network, OperatorDesc, TensorDesc, plan_arena
from tvm_patch.planner.profile import elementwise_overlaps, memory_profile, network_buffers


def test_profile_counts_shared_bytes_once():
    tensors = {n: TensorDesc(n, (100,)) for n in "xab"}
    operators = (
        OperatorDesc(0, "one", "lookup", ("x",), ("a",)),
        OperatorDesc(1, "two", "fully_connected", ("a",), ("b",), scratch_bytes=8),
    )
    network = Network("n", tensors, operators, ("x",), ("b",))
    buffers = network_buffers(network)
    overlaps = elementwise_overlaps(network, frozenset({"lookup"}))
    assert [(o.input, o.output) for o in overlaps] == [("x", "a")]
    plan = plan_arena(buffers, overlaps)
    profile = memory_profile(network, buffers, plan)
    assert [(m.live_bytes, m.scratch_bytes) for m in profile] == [(100, 0), (208, 8)]
    assert plan.size == max(m.live_bytes for m in profile)
