"""What operators cost when each runs by itself: the yardstick, and the tail of patched plans."""

from __future__ import annotations

from collections.abc import Collection

from tvm_patch.planner.estimate import whole_cost
from tvm_patch.planner.growth import Growth
from tvm_patch.planner.network import Network, OperatorDesc


def layer_instructions(network: Network, op: OperatorDesc, fetched: Collection[str] = ()) -> int:
    """Return the estimated instructions of an operator that runs by itself.

    Parameters
    ----------
    network : Network
    op : OperatorDesc
    fetched : collection of str
        Network inputs whose rows are fetched.
    """
    if not op.rows:
        return round(whole_cost(network, op))
    costs = Growth(network, op.index, (), fetched, False).costs()
    assert costs is not None  # one operator alone always runs
    return int(costs.instructions[0])
