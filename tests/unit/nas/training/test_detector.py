"""A detector from pictures with boxes to a compiled program."""

import pytest

pytest.importorskip("tensorflow", reason="needs the extra [nas]: pip install 'tvm-patch[nas]'")
pytest.importorskip("pycocotools", reason="needs the extra [nas]: pip install 'tvm-patch[nas]'")

import tvm_patch
from tests.unit.nas.training.squares_in_noise import CLASSES
from tests.unit.nas.training.squares_in_noise import task as squares_task
from tvm_patch.driver.evaluate_detector import evaluate_detector
from tvm_patch.errors import InputError
from tvm_patch.nas.architecture import Architecture, Bottleneck
from tvm_patch.nas.cost import layer_cost
from tvm_patch.nas.detection.anchors import find_anchors
from tvm_patch.nas.detection.head import Head
from tvm_patch.nas.recipe import Finish, Recipe
from tvm_patch.nas.training.finishing import finished
from tvm_patch.nas.training.keras_model import keras_model
from tvm_patch.nas.training.objectives import Objects
from tvm_patch.targets import TARGETS

pytestmark = pytest.mark.slow


def test_finds_what_it_was_trained_for_and_runs_to_the_last_bit():
    task = squares_task()
    head = Head(classes=CLASSES, anchors=find_anchors(task.train.boxes, 1))
    architecture = Architecture(
        resolution=32,
        colors=1,
        stem=8,
        blocks=(
            Bottleneck(channels=8, expand=1),
            Bottleneck(channels=16, expand=3, stride=2),
            Bottleneck(channels=16, expand=3, kernel=5),
        ),
        head=32,
        classes=2,
        detector=head.channels,
    )
    recipe = Finish(
        tuning=Recipe(steps=200, batch=32, rate=0.02, warmup=20, clip=5),
        rounding=Recipe(steps=20, batch=32, rate=0.001, clip=5),
        samples=64,
    )
    _, data = finished(keras_model(architecture), architecture, task, recipe, objective=Objects(head))
    artifact = tvm_patch.compile(data, prune=False)
    cost = layer_cost(architecture, TARGETS["host"])
    assert (artifact.arena_bytes, artifact.metadata.macs) == (cost.arena_bytes, cost.macs)
    result = evaluate_detector(artifact, data, head, task.test)
    assert result.differing == 0
    assert len(result.found) == 24
    assert result.score.mean_ap50 > 0.8
    other = Head(classes=CLASSES, anchors=(*head.anchors, *head.anchors))
    with pytest.raises(InputError, match="a head of 14 channels do not fit"):
        evaluate_detector(artifact, data, other, task.test)
