"""One network lowered under one plan, as the compiler does it or with gaps; the predictions are checked first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tests.plans.guards import gaps, place_apart, regions_of
from tests.plans.host import Trial
from tvm_patch.driver.front import Legalized
from tvm_patch.input_mode import InputMode
from tvm_patch.lowering.program import Program
from tvm_patch.planner.network import Network
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.segments import Segment


def random_inputs(legalized: Legalized, seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return two input sets."""
    rng = np.random.default_rng(seed)
    shapes = [t.shape for t in legalized.graph.inputs]
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
        return named.lower(Schedule.of(network, segments, mode))

    named, network = replace(legalized, name=name), replace(network, name=name)
    about = f"{name}: seed {seed}, {mode}{', with gaps' * apart}{', between rows too' * rows_apart}"
    program = lower()
    placement = program.schedule.placement
    predicted = Schedule.of(network, segments, mode)
    # What the code is printed from, laid out anew for the kernels that it has.
    compiled = Schedule.of(program.network, segments, mode)
    assert placement.arena_bytes == predicted.arena_bytes == compiled.arena_bytes, about
    assert program.schedule.macs_executed == predicted.macs_executed == compiled.macs_executed, about
    assert program.schedule.layouts == compiled.layouts, about
    regions = regions_of(program, placement)
    if apart:
        with gaps(rows_apart):
            program = lower()
            placement = place_apart(program)
            regions = regions_of(program, placement)
    return Trial(named, program, placement, regions, mode, about, random_inputs(legalized, seed), sweeps)
