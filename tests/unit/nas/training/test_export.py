import random

import numpy as np
import pytest

import tvm_patch
from tests.unit.nas.training.little import SPACE, task

pytest.importorskip("tensorflow", reason="needs the extra [nas]: pip install 'tvm-patch[nas]'")

from tvm_patch.driver.evaluate import evaluate
from tvm_patch.errors import InputError
from tvm_patch.nas.cost import layer_cost
from tvm_patch.nas.data.augment import Augmentation
from tvm_patch.nas.data.sets import ArrayPictures
from tvm_patch.nas.recipe import Recipe
from tvm_patch.nas.training.export import to_tflite
from tvm_patch.nas.training.fine_tuning import FineTuning
from tvm_patch.nas.training.keras_model import copy_weights, fold, keras_model
from tvm_patch.nas.training.quantization_aware import rounded
from tvm_patch.nas.training.supernet import normalized
from tvm_patch.targets import TARGETS

TASK = task()
CHANCE = random.Random(8)
"""Of the subnets, one with squeeze-and-excite among them."""


def test_rounded_weights_are_steps_of_their_filter():
    weight = np.random.default_rng(0).standard_normal((3, 3, 4, 6)).astype(np.float32)
    for bits, most in ((8, 127), (4, 7)):
        found = rounded(weight, [0, 1, 2], bits).numpy()
        step = np.abs(weight).max((0, 1, 2)) / most
        np.testing.assert_allclose(found / step, np.round(found / step), atol=1e-4)
        assert np.abs(found - weight).max() <= step.max() / 2 * 1.001


@pytest.fixture(scope="module")
def trained():
    architecture = SPACE.architecture(SPACE.draw(CHANCE))
    model = keras_model(architecture)
    list(FineTuning(model, TASK.train, Recipe(steps=150, batch=32, rate=0.1)).run())
    return architecture, fold(model, architecture)


def accuracy(model, resolution):
    scores = model.predict(normalized(TASK.test.at(resolution)), verbose=0)
    return np.mean(scores.argmax(1) == TASK.test.labels)


def test_rounding_learns_and_exports_as_it_said(trained):
    """The int8 network is as good as the rounded one said, is what the record says, and runs to the last bit."""
    architecture, folded = trained
    size = architecture.resolution
    assert accuracy(folded, size) > 0.9
    aware = keras_model(architecture, bits=8)
    copy_weights(folded, aware)
    list(FineTuning(aware, TASK.train, Recipe(steps=20, batch=32, rate=0.01)).run())
    said = accuracy(aware, size)
    copy_weights(aware, folded)
    data = to_tflite(folded, [TASK.train.at(size)[:64]])
    artifact = tvm_patch.compile(data, prune=False)
    meta = artifact.metadata
    assert (meta.inputs[0].scale, meta.inputs[0].zero_point) == (1 / 128, 0)
    cost = layer_cost(architecture, TARGETS["host"])
    assert (meta.arena_bytes, meta.macs) == (cost.arena_bytes, cost.macs)
    found = evaluate(artifact, data, TASK.test)
    assert found.differing == 0
    assert found.oracle
    assert found.count == len(TASK.test)
    assert abs(found.accuracy - said) <= 2 / len(TASK.test)
    assert sum(map(sum, found.confusion)) == 64
    assert np.mean([r for r in found.recalls if r is not None]) > 0.8


def test_a_network_that_is_no_classifier_of_these_pictures_is_refused(trained):
    artifact = tvm_patch.compile(to_tflite(trained[1], [TASK.train.at(trained[0].resolution)[:8]]))
    other = ArrayPictures(("a", "b"), np.zeros((2, 16, 16, 1), np.uint8), [0, 1], Augmentation())
    with pytest.raises(InputError, match="pictures of 1 channels and 2 classes do not fit"):
        evaluate(artifact, b"", other)
