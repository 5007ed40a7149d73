"""A whole search in miniature: stopped and gone on with, on Ray's workers, and its network on the emulated board."""

import itertools

import numpy as np
import pytest

from tests.unit.nas.training.little import SPACE, task
from tests.unit.nas.training.squares_in_noise import task as squares_task
from tvm_patch.errors import InputError, UserError
from tvm_patch.nas.evolution import Evolution
from tvm_patch.nas.how import How
from tvm_patch.nas.limits import Limits
from tvm_patch.nas.recipe import Finish, Recipe, SuperRecipe

pytest.importorskip("tensorflow", reason="needs the extra [nas]: pip install 'tvm-patch[nas]'")

import tvm_patch
from tvm_patch.driver.reference import find_reference
from tvm_patch.driver.search import Judging, Settings, choose, train_super_network
from tvm_patch.driver.searched import evaluate_under, search
from tvm_patch.nas.detection.anchors import find_anchors
from tvm_patch.nas.detection.head import Head
from tvm_patch.targets import TARGETS

pytestmark = pytest.mark.slow
TASK = task()
SETTINGS = Settings(
    space=SPACE,
    how=How(kind="planner", mode="rereadable"),
    limits=Limits(sram_bytes=2_000, flash_bytes=16_000),
    training=SuperRecipe(
        largest=Recipe(steps=30, batch=32, rate=0.1), sampled=Recipe(steps=30, batch=32, rate=0.1), subnets=2
    ),
    judging=Judging(batches=2, size=32),
    evolution=Evolution(population=8, parents=4, crossed=3, mutated=3, generations=2),
    finish=Finish(
        tuning=Recipe(steps=40, batch=32, rate=0.05),
        rounding=Recipe(steps=10, batch=32, rate=0.01),
        samples=32,
    ),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return folder, search(TASK, SETTINGS, folder, board="qemu_m7")


def test_keeps_to_its_limits_and_is_what_the_record_says(whole):
    _, done = whole
    meta, cost = done.artifact.metadata, done.found.chosen.cost
    assert cost.arena_bytes <= 2_000
    assert cost.flash_bytes <= 16_000
    assert meta.arena_bytes <= 2_000, "the fastest plan within the limit"
    assert done.plan.estimated_cycles <= cost.cycles
    assert meta.macs <= cost.macs, "but for channels that turned out constant"
    assert done.evaluation.differing == 0
    assert done.evaluation.count == len(TASK.test)
    assert done.evaluation.accuracy > 0.6
    judged = sum(len(g.judged) for g in done.found.generations)
    assert len(done.found.points) == judged == SETTINGS.evolution.evaluations


def test_runs_on_the_board_as_the_reference(whole):
    _, done = whole
    size = done.found.candidate.architecture.resolution
    with (
        find_reference(done.model) as reference,
        tvm_patch.Session(board="qemu_m7", artifact=done.artifact) as session,
    ):
        for picture in TASK.test.at(size)[:3]:
            x = (picture.astype(np.int16) - 128).astype(np.int8)[None]
            np.testing.assert_array_equal(session.run([x]).outputs[0], reference.oracle.run([x]).outputs[0])


class Stopped(Exception):  # noqa: N818
    pass


def test_a_search_that_was_killed_ends_as_if_it_had_not_been(whole, tmp_path):
    wanted, _ = whole
    # In the super network's training, in evolution, in the chosen network's training.
    for left in (25, 75, 30):
        calls = itertools.count(1)

        def progress(_what, _part, last=left, calls=calls):
            if next(calls) == last:
                raise Stopped

        with pytest.raises(Stopped):
            search(TASK, SETTINGS, tmp_path, board="qemu_m7", progress=progress)
    search(TASK, SETTINGS, tmp_path, board="qemu_m7")
    for name in ("network.tflite", "candidate.json", "generations.json", "plan.json"):
        assert (tmp_path / name).read_bytes() == (wanted / name).read_bytes(), name


def test_workers_of_ray_find_the_same(whole):
    pytest.importorskip("ray", reason="needs the extra [cluster]: pip install 'tvm-patch[cluster]'")
    _, done = whole
    target = TARGETS["cortex-m7"]
    found = choose(TASK, done.weights, SETTINGS, target, count=2, address="local")
    assert found.subnet == done.found.subnet
    assert found.generations == done.found.generations


def test_a_folder_of_another_search_is_refused(whole):
    folder, _ = whole
    other = SETTINGS.model_copy(update={"limits": Limits(sram_bytes=3_000)})
    with pytest.raises(UserError, match="is of a search with another limits"):
        search(TASK, other, folder, board="qemu_m7")


def test_limits_that_nothing_keeps_to_name_the_nearest(whole, monkeypatch):
    monkeypatch.setattr("tvm_patch.driver.search._DRAWS", 50)
    _, done = whole
    asked = SETTINGS.model_copy(update={"limits": Limits(sram_bytes=300, flash_bytes=20_000)})
    with pytest.raises(
        UserError, match=r"keeps to 300 B of SRAM, 20,000 B of flash; the nearest takes \d+ B of SRAM"
    ):
        choose(TASK, done.weights, asked, TARGETS["cortex-m7"])


def test_a_trained_super_network_is_not_trained_again(whole):
    folder, done = whole
    steps = []
    weights = train_super_network(TASK, SETTINGS, folder / "supernet.npz", lambda *at: steps.append(at))
    assert not steps
    for name, value in done.weights.items():
        np.testing.assert_array_equal(weights[name], value)


def test_a_detector_is_searched_and_ends_in_a_map(tmp_path):
    scenes = squares_task()
    head = Head(classes=scenes.classes, anchors=find_anchors(scenes.train.boxes, 1))
    gentle = Recipe(steps=60, batch=32, rate=0.02, warmup=10, clip=5)
    space = SPACE.model_copy(update={"resolutions": (24, 32), "detector": head.channels, "classes": 2})
    asked = SETTINGS.model_copy(
        update={
            "space": space,
            "head": head,
            "limits": Limits(sram_bytes=6_000, flash_bytes=24_000),
            "training": SuperRecipe(largest=gentle, sampled=gentle, subnets=2),
            "finish": Finish(
                tuning=gentle, rounding=Recipe(steps=10, batch=32, rate=0.001, clip=5), samples=32
            ),
        }
    )
    done = search(scenes, asked, tmp_path, board="qemu_m7")
    assert done.found.candidate.architecture.detector == head.channels
    assert done.artifact.metadata.outputs[0].shape[-1] == head.channels
    assert done.artifact.arena_bytes <= 6_000
    assert done.evaluation.differing == 0
    assert len(done.evaluation.found) == 24
    assert done.evaluation.score.mean_ap50 > 0.3
    with pytest.raises(InputError, match="boxes need a head"):
        evaluate_under(done.model, scenes, None, done.plan)
    with pytest.raises(ValueError, match="the head has 0 channels, the space's detector 7"):
        Settings.model_validate({**asked.model_dump(), "head": None})
