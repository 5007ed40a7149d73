"""PatchSchedule and back: the network and the segments that went in come out, whatever the plan."""

from __future__ import annotations

import numpy as np
import pytest
import tvm
from tvm import relax

from relay_passes.patch_schedule import PatchSchedule
from tests.plans.cases import CASES
from tests.plans.networks import one_of_each, random_network
from tests.plans.plans import random_plan
from tvm_patch.driver.front import legalize
from tvm_patch.kernels import kernel_for
from tvm_patch.kernels.describe import describe
from tvm_patch.lowering import LowerSegments, describe_module
from tvm_patch.lowering.scheduled import read_schedule
from tvm_patch.oracle import run_oracle
from tvm_patch.planner.plan import fingerprint
from tvm_patch.targets import HOST


def _network_of(module):
    scheduled = read_schedule(module)
    kernels = [kernel_for(op, HOST) for op in scheduled.graph.operators]
    return scheduled, describe(scheduled.graph, kernels, "main", HOST)


@pytest.mark.parametrize("seed", range(20))
def test_random_networks_come_back(seed):
    module = legalize(random_network(seed)).module
    network = describe_module(module, HOST)
    segments = tuple(random_plan(network, seed))
    scheduled, found = _network_of(PatchSchedule(segments)(module))
    assert scheduled.segments == segments
    assert fingerprint(found) == fingerprint(network)
    assert [op.name for op in found.operators] == [op.name for op in network.operators]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.slow
def test_the_virtual_machine_runs_every_kind_of_plan(case):
    mode, plan = CASES[case]
    data = one_of_each()
    module = legalize(data).module
    segments = tuple(plan(describe_module(module, HOST)))
    scheduled = PatchSchedule(segments, mode)(module)
    assert _network_of(scheduled)[0].segments == segments
    machine = relax.VirtualMachine(tvm.compile(LowerSegments()(scheduled), target="llvm"), tvm.cpu())
    shape = [int(d) for d in module["main"].params[0].ty.shape]
    x = np.random.default_rng(1).integers(-128, 128, shape).astype(np.int8)
    raw = machine["main"](tvm.runtime.tensor(x))
    ours = [raw] if isinstance(raw, tvm.runtime.Tensor) else list(raw)
    for mine, theirs in zip(ours, run_oracle(data, [x]).outputs, strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs)
