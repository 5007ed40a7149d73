"""One network lowered under one plan, as the compiler does it or with gaps; the predictions are checked first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tests.plans.guards import gaps, place_apart, regions_of
from tests.plans.host import Trial
from tvm_patch.driver.front import Legalized
from tvm_patch.input_mode import InputMode
from tvm_patch.lowering.memory import place
from tvm_patch.lowering.program import Program
from tvm_patch.planner.memory import arena_bytes, macs_of
from tvm_patch.planner.modes import fetched_inputs
from tvm_patch.planner.network import Network
from tvm_patch.planner.segments import Segment


def random_inputs(legalized: Legalized, seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return two input sets."""
    rng = np.random.default_rng(seed)
    shapes = [legalized.graph.tensors[name].shape for name in legalized.graph.inputs]
    first, second = ([rng.integers(-128, 128, s).astype(np.int8) for s in shapes] for _ in range(2))
    return first, second


def make_trial(
    legalized: Legalized,
    network: Network,
    segments: Sequence[Segment],
    mode: InputMode,
    name: str,
    seed: int = 0,
    apart: bool = False,
    rows_apart: bool = False,
    sweeps: bool = False,
) -> Trial:
    """Lower a network; assert that arena and multiply-accumulates are those that the planner predicts."""

    def lower() -> Program:
        return named.lower(lambda _network: segments, input_mode=mode)

    named = replace(legalized, name=name)
    fetched = fetched_inputs(network, mode)
    about = f"{name}: seed {seed}, {mode}{', with gaps' * apart}{', between rows too' * rows_apart}"
    program = lower()
    placement = place(program)
    assert placement.arena_bytes == arena_bytes(network, segments, fetched), about
    assert program.macs_executed == sum(macs_of(network, segments, fetched)), about
    regions = regions_of(program, placement)
    if apart:
        with gaps(rows_apart):
            program = lower()
            placement = place_apart(program)
            regions = regions_of(program, placement)
    return Trial(named, program, placement, regions, mode, about, random_inputs(legalized, seed), sweeps)
