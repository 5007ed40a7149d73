"""One operator after another: the plan that all others are compared with."""

from __future__ import annotations

from tvm_patch.errors import PlanError
from tvm_patch.input_mode import InputMode
from tvm_patch.planner.choices import Point
from tvm_patch.planner.layer_cost import layer_instructions
from tvm_patch.planner.memory import arena_bytes
from tvm_patch.planner.modes import fetched_inputs
from tvm_patch.planner.network import Network
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
    segments = layer_by_layer(network)
    instructions = sum(layer_instructions(network, op, fetched) for op in network.operators)
    return Point(segments, arena_bytes(network, segments, fetched), network.macs, instructions)
