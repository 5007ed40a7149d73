"""One operator after another: the plan that all others are compared with, and the tail of patched ones."""

from __future__ import annotations

from collections.abc import Collection

from tvm_patch.errors import PlanError
from tvm_patch.input_mode import InputMode
from tvm_patch.planner.estimate.cycles import whole_cost
from tvm_patch.planner.layout.rows_builder import reduces_rows
from tvm_patch.planner.modes import fetched_inputs
from tvm_patch.planner.network import Network, OperatorDesc
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.search.grown import Growing
from tvm_patch.planner.search.pieces import piece_of
from tvm_patch.planner.search.steps import Steps
from tvm_patch.planner.search.ways import Point
from tvm_patch.planner.segments import layer_by_layer


def layer_point(network: Network, mode: InputMode) -> Point:
    """Return the plan that runs one operator after another, placed.

    Raises
    ------
    PlanError
        When several operators read rows that come only once.
    """
    fetched = fetched_inputs(network, mode)
    if mode == "streamed":
        for name in network.inputs:
            readers = network.consumers(name)
            if len(readers) > 1:
                raise PlanError(
                    f"input {name} is streamed but {len(readers)} operators read it: layer by layer its rows would "
                    "have to come again; use --scheme auto or --input-mode rereadable"
                )
    cycles = sum(layer_cycles(network, op, fetched) for op in network.operators)
    return Point(Schedule.of(network, layer_by_layer(network), mode), cycles)


def layer_cycles(network: Network, op: OperatorDesc, fetched: Collection[str] = ()) -> int:
    """Return the estimated cycles of an operator that runs by itself.

    Parameters
    ----------
    network : Network
    op : OperatorDesc
    fetched : collection of str
        Network inputs whose rows are fetched.
    """
    fed = not set(fetched).isdisjoint(op.inputs)
    if not op.rows and not fed:
        return round(whole_cost(network, op))
    reduces = reduces_rows(op, fed=fed)
    piece = piece_of(network, op, reduces=reduces)
    grown = Growing(Steps(network, fetched), (), op.index, reduces).start(piece)
    costs = None if grown is None else grown.costs()
    assert costs is not None  # one operator alone always runs
    return costs.cycles
