"""The loss of detectors."""

import os

import numpy as np
import pytest

from tests.unit.nas.detection.made import perfect_outputs, random_boxes
from tvm_patch.nas.detection.head import Head
from tvm_patch.nas.detection.targets import assign

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
tf = pytest.importorskip("tensorflow", reason="training needs TensorFlow (extra nas)")

HEAD = Head(classes=("a", "b", "c"), anchors=((0.1, 0.1), (0.3, 0.3), (0.2, 0.6)))


def batch(seed=0):
    chance = np.random.default_rng(seed)
    targets, _ = assign(HEAD, [random_boxes(chance, n, 3) for n in (0, 1, 3, 4)], 14, 14)
    return targets


def loss_of(outputs, targets):
    from tvm_patch.nas.training.detection_loss import detection_loss

    return detection_loss(HEAD, tf.constant(outputs, tf.float32), targets)


def test_perfect_outputs_cost_nothing():
    targets = batch()
    outputs = perfect_outputs(HEAD, targets)
    assert 0 <= float(loss_of(outputs, targets)) < 1e-3


@pytest.mark.parametrize("number", range(8))
def test_each_number_that_is_wrong_costs(number):
    targets = batch()
    outputs = perfect_outputs(HEAD, targets)
    values = HEAD.split(outputs)  # a view
    values[..., number][targets.present > 0] += np.float32(-30 if number >= 4 else 1)
    wrong = float(loss_of(outputs, targets))
    # A class is wrong only where it is the right one.
    assert wrong > 0.1


def test_what_does_not_count_costs_nothing():
    targets = batch()
    outputs = perfect_outputs(HEAD, targets)
    free = targets.counted == 0
    assert free.any()
    HEAD.split(outputs)[free] = 7
    assert float(loss_of(outputs, targets)) < 1e-3


@pytest.mark.parametrize("scale", [0, 1, 1000])
def test_gradients_are_finite_and_show_the_way(scale):
    targets = batch()
    outputs = tf.Variable(
        np.random.default_rng(1).normal(0, 1, (4, 14, 14, HEAD.channels)) * scale, dtype=tf.float32
    )
    from tvm_patch.nas.training.detection_loss import detection_loss

    with tf.GradientTape() as tape:
        loss = detection_loss(HEAD, outputs, targets)
    gradient = tape.gradient(loss, outputs)
    assert np.isfinite(float(loss))
    assert np.isfinite(gradient.numpy()).all()
    if scale <= 1:
        outputs.assign_sub(0.01 * gradient)
        assert float(detection_loss(HEAD, outputs, targets)) < float(loss)


def test_descent_reaches_what_is_to_be_said():
    from tvm_patch.nas.training.detection_loss import detection_loss

    targets = batch()
    outputs = tf.Variable(tf.zeros((4, 14, 14, HEAD.channels)))
    optimizer = tf.keras.optimizers.Adam(0.3)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = detection_loss(HEAD, outputs, targets)
        optimizer.apply_gradients([(tape.gradient(loss, outputs), outputs)])
        return loss

    first = float(step())
    for _ in range(300):
        last = float(step())
    assert last < first / 1000
