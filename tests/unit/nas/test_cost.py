"""What is said of an architecture from its shapes alone, against the compiler."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
import time

import pytest

import tvm_patch
from tests.unit.nas.records import random_architecture
from tvm_patch.artifact_metadata import Metadata
from tvm_patch.driver.board_target import target_of
from tvm_patch.driver.front import legalize
from tvm_patch.errors import PlanError
from tvm_patch.nas.batch import Question, costs
from tvm_patch.nas.cost import Cost, layer_cost, patched_cost
from tvm_patch.nas.describe import network_of
from tvm_patch.nas.layers import layers_of
from tvm_patch.nas.schedule import InPatches
from tvm_patch.planner.choose import Request
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.search.layers import layer_point
from tvm_patch.planner.search.patched import Patched
from tvm_patch.planner.segments import PatchSegment, Segment
from tvm_patch.targets import TARGETS
from tvm_patch.tflite.writer import write_model

MEANS = ("mean", "global_mean", "avg_pool2d")
FACTS = (
    "kind",
    "macs",
    "scratch_bytes",
    "elementwise",
    "bandable",
    "in_place",
    "state_bytes",
    "code",
    "flat",
)
BOARDS = ("host", "nucleo_l4r5zi")
COMPILED = [
    pytest.param(seed, board, marks=() if seed < 8 and seed % 2 == i else pytest.mark.verify)
    for seed in range(100)
    for i, board in enumerate(BOARDS)
]


def stage_of(architecture, seed) -> tuple[int, int]:
    """Return patches and layers that the architecture can run in, if any of a few are."""
    chance = random.Random(seed)
    count = len(layers_of(architecture))
    for _ in range(50):
        patches, layers = chance.randint(1, 4), chance.randint(1, min(count, 16))
        try:
            patched_cost(architecture, TARGETS["host"], patches, layers)
        except PlanError:
            continue
        return patches, layers
    raise AssertionError("no patches at all")


def compiled(data, board, **request) -> Metadata:
    """Return what an artifact says, with the channels that happen to be dead of random weights.

    Without configs that were measured, which may pair a classifier's outputs otherwise.
    """
    asked = Request(objective="memory", **request)
    return tvm_patch.compile(data, board=board, plan=asked, prune=False, prefer="size").metadata


def agree(made: Metadata, cost: Cost, architecture) -> None:
    """Compare what was compiled with what was said."""
    assert (made.arena_bytes, made.macs, made.macs_executed) == (cost.arena_bytes, cost.macs, cost.executed)
    # Whether the scale of a single output needs 53 bits is for its weights to say.
    assert made.constant_bytes - cost.flash_bytes in ({0, 3} if architecture.classes == 1 else {0})


@pytest.mark.parametrize(("seed", "board"), COMPILED)
def test_cost_is_that_of_the_compiled_network(seed, board):
    architecture, target = random_architecture(seed), target_of(board)
    data = write_model(architecture.model(seed=seed))
    mode = ("resident", "rereadable")[seed % 2]
    cost = layer_cost(architecture, target, mode)
    agree(compiled(data, board, scheme="layer", input_mode=mode), cost, architecture)
    patches, depth = stage_of(architecture, seed)
    asked = {"scheme": "mcunetv2", "patches": patches, "layers": depth, "input_mode": mode}
    cost = patched_cost(architecture, target, patches, depth, mode)
    agree(compiled(data, board, **asked), cost, architecture)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("target", ["cortex-m7", "cortex-m4"])
def test_network_is_that_of_the_file(seed, target):
    """Not only its cost: whoever plans the record plans the file."""
    architecture = random_architecture(1000 + seed)
    made = network_of(architecture, TARGETS[target])
    _, read = legalize(write_model(architecture.model()), target=TARGETS[target], prune=False).describe()
    for ours, theirs in zip(made.operators, read.operators, strict=True):
        for fact in FACTS:
            assert getattr(ours, fact) == getattr(theirs, fact)
        assert [w.size for w in ours.rows] == [w.size for w in theirs.rows]
        assert [t.shape for t in ours.operator.inputs] == [t.shape for t in theirs.operator.inputs]
        assert ours.weight_bytes == theirs.weight_bytes


@pytest.mark.parametrize("mode", ["resident", "rereadable", "streamed"])
@pytest.mark.parametrize("seed", range(40))
def test_cost_is_that_of_the_schedule(seed, mode):
    architecture, target = random_architecture(2000 + seed, largest=224), TARGETS["cortex-m7"]
    network = network_of(architecture, target)
    point = layer_point(network, mode)
    cost = layer_cost(architecture, target, mode)
    assert (cost.arena_bytes, cost.executed, cost.macs) == (point.arena_bytes, point.macs, network.macs)
    assert cost.cycles == point.cycles
    assert cost.instructions == layer_point(network.counting_instructions, mode).cycles
    if mode == "streamed":
        return
    patches, layers = stage_of(architecture, seed)
    rest = [Segment((i,)) for i in range(layers, len(network.operators))]
    schedule = Schedule.of(network, [PatchSegment(tuple(range(layers)), patches, patches), *rest], mode)
    cost = patched_cost(architecture, target, patches, layers, mode)
    assert (cost.arena_bytes, cost.executed) == (schedule.arena_bytes, schedule.macs_executed)
    (point,) = Patched(network, mode, patches, layers).front
    assert cost.cycles == point.cycles


@pytest.mark.parametrize(
    ("mode", "patches", "layers", "message"),
    [
        ("streamed", 2, 2, "use rereadable"),
        ("resident", 2, 0, "0 layers are impossible"),
        ("resident", 2, 999, "999 layers are impossible"),
        ("resident", 999, 2, "cannot be cut into 999 patches"),
        ("resident", 0, 2, "cannot be cut into 0 patches"),
    ],
)
def test_patches_that_cannot_be(mode, patches, layers, message):
    with pytest.raises(PlanError, match=message):
        patched_cost(random_architecture(1), TARGETS["host"], patches, layers, mode)


def test_several_cores_give_the_same():
    architectures = [random_architecture(seed, 1, 1, 48) for seed in range(200)]
    question = Question("cortex-m7", InPatches(patches=2, layers=5, mode="rereadable"))
    alone = list(costs(architectures, question))
    together = list(costs(iter(architectures), question, workers=2))
    assert [str(c) for c in together] == [str(c) for c in alone]
    assert {type(c) for c in alone} == {Cost, PlanError}


def test_architectures_are_read_as_they_are_needed():
    endless = map(random_architecture, itertools.count())
    first = list(itertools.islice(costs(endless, Question(), workers=1), 3))
    assert first == [Question().cost(random_architecture(seed)) for seed in range(3)]


def deepest_stage(architecture, most=16) -> int:
    """Return after how many layers, all row by row, nothing is needed but what the last one made."""
    wired = layers_of(architecture)
    whole = next(i for i, w in enumerate(wired) if w.layer.kind in MEANS)
    first_read = [min(r for w in wired[i:] for r in w.reads) for i in range(len(wired))]
    return max(i for i in range(1, min(most, whole) + 1) if first_read[i] == i - 1)


def test_quick_enough():
    """300 architectures of some sixty operators a second, once the layers of their space are known."""
    random_ones = (random_architecture(s, 6, 4, resolutions=(96, 128, 160)) for s in itertools.count())
    architectures = list(itertools.islice((a for a in random_ones if len(layers_of(a)) >= 50), 300))
    stages = [deepest_stage(a) for a in architectures]
    target = TARGETS["cortex-m7"]
    for architecture in architectures:
        layer_cost(architecture, target)
    start = time.process_time()
    for architecture, layers in zip(architectures, stages, strict=True):
        layer_cost(architecture, target)
        patched_cost(architecture, target, 2, layers)
    rate = len(architectures) / (time.process_time() - start)
    # A busy machine is allowed twice the time; a change of algorithm is not.
    assert rate > 300 / 2


def test_needs_no_tvm():
    code = (
        "import sys; sys.modules['tvm'] = sys.modules['tensorflow'] = None\n"
        "from tests.unit.nas.records import random_architecture\n"
        "from tvm_patch.nas.batch import Question\n"
        "print(Question('cortex-m7').cost(random_architecture(0)).arena_bytes)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == layer_cost(random_architecture(0), TARGETS["cortex-m7"]).arena_bytes
