"""Known networks as records, against the zoo's files and the authors'."""

from __future__ import annotations

import pytest

import tvm_patch
from tvm_patch.driver.board_target import target_of
from tvm_patch.driver.front import legalize
from tvm_patch.errors import UserError
from tvm_patch.nas.baselines import PUBLISHED, mobilenet_v2, proxyless, published
from tvm_patch.nas.cost import layer_cost
from tvm_patch.nas.layers import layers_of
from tvm_patch.nas.planned import planned
from tvm_patch.planner.choose import Request
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.search.layers import layer_point
from tvm_patch.planner.segments import Segment
from tvm_patch.tflite.writer import write_model
from tvm_patch.zoo.registry import build

FILES = {
    "mcunet-in3": "mcunet-in3-320kb1mb-176",
    "mcunet-vww1": "mcunet-vww1-tinyengine-80",
    "mcunet-vww2": "wv-mcunet-vww2-320kb1mb-144",
}


@pytest.mark.parametrize(
    ("name", "record"), [("mobilenet_v2", mobilenet_v2), ("proxyless_mobile", proxyless)]
)
@pytest.mark.parametrize(("width", "resolution"), [(0.35, 64), (1.4, 48)])
def test_scaled_baselines_are_those_of_the_zoo(name, record, width, resolution):
    target = target_of("nucleo_f746zg")
    data = write_model(build(name, width, resolution, 10, 0))
    _, network = legalize(data, target=target, prune=False).describe()
    point = layer_point(network, "resident")
    cost = layer_cost(record(width, resolution, 10), target)
    assert (cost.arena_bytes, cost.macs) == (point.arena_bytes, network.macs)


@pytest.mark.parametrize(
    ("name", "board"),
    [
        ("mcunet-vww1", "nucleo_f746zg"),
        *(
            pytest.param(name, board, marks=pytest.mark.verify)
            for name in PUBLISHED
            for board in ("host", "nucleo_l4r5zi")
        ),
    ],
)
def test_published_networks_are_records(name, board, shared_models):
    """Arena, work and flash of the real files, without pruning: which channels are constant their weights say.

    Their last layer is a convolution, behind which a reshape moves nothing.
    """
    model, target, record = shared_models / f"{FILES[name]}.tflite", target_of(board), published(name)
    request = Request(scheme="layer", objective="memory")
    made = tvm_patch.compile(model, board=board, plan=request, prune=False, prefer="size").metadata
    cost = layer_cost(record, target)
    assert (made.arena_bytes, made.macs, made.constant_bytes) == (
        cost.arena_bytes,
        cost.macs,
        cost.flash_bytes,
    )
    found = planned(record, target, "rereadable", 1.1)
    _, network = legalize(model, target=target, prune=False).describe()
    rest = [Segment((i,)) for i in range(len(layers_of(record)), len(network.operators))]
    schedule = Schedule.of(network, [*found.segments, *rest], "rereadable")
    assert (schedule.arena_bytes, schedule.macs_executed) == (found.cost.arena_bytes, found.cost.executed)


def test_unknown_names_are_refused():
    with pytest.raises(UserError, match="no published network is named 'mcunet-in9'; there are mcunet-in3"):
        published("mcunet-in9")
