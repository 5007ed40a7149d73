import random

import numpy as np
import pytest

from tests.unit.nas.training.little import SPACE, bars
from tvm_patch.errors import UserError
from tvm_patch.nas.space import Space, Stage

pytest.importorskip("tensorflow", reason="needs the extra [nas]: pip install 'tvm-patch[nas]'")

from tvm_patch.nas.training.keras_model import fold, inherit
from tvm_patch.nas.training.places import places_of, uses_of
from tvm_patch.nas.training.sorting import sort_channels
from tvm_patch.nas.training.supernet import SuperNetwork, normalized

SET = bars(32, 9)
PICTURES = SET.at(16)


def trained_by_chance():
    """A super network whose every weight says something."""
    network = SuperNetwork(SPACE, seed=4)
    chance = np.random.default_rng(5)
    for variable in network.trainable_variables:
        if "gamma" in variable.name or "bias" in variable.name or "beta" in variable.name:
            variable.assign(chance.uniform(0.5, 1.5, variable.shape).astype(np.float32))
    network.dense.assign(chance.standard_normal(network.dense.shape).astype(np.float32))
    return network


def subnets(count=6):
    chance = random.Random(1)
    return [SPACE.largest(), SPACE.smallest(), *(SPACE.draw(chance) for _ in range(count))]


def test_a_subnet_uses_what_its_architecture_has():
    for subnet in subnets(30):
        blocks = SPACE.architecture(subnet).blocks
        used = [use for use in uses_of(SPACE, subnet).tolist() if use[0]]
        assert [(kernel, outputs) for kernel, _, _, outputs, _ in used] == [
            (b.kernel, b.channels) for b in blocks
        ]
        for place, use in zip(places_of(SPACE), uses_of(SPACE, subnet), strict=True):
            inner = max(place.inner, place.inputs)
            assert all(use <= (place.kernel, place.inputs, inner, max(use[3], place.outputs), place.reduced))


def test_every_subnet_has_the_weights_of_its_keras_model():
    network = trained_by_chance()
    for subnet in subnets():
        pictures = SET.at(subnet.resolution)
        network.recalibrate(subnet, [pictures])
        found = network.predict(subnet, pictures)
        model = inherit(network, subnet)
        np.testing.assert_allclose(model(normalized(pictures)).numpy(), found, rtol=1e-4, atol=1e-4)
        folded = fold(model, SPACE.architecture(subnet))
        np.testing.assert_allclose(folded(normalized(pictures)).numpy(), found, rtol=1e-4, atol=1e-4)
        assert len({round(float(v), 3) for v in found.ravel()}) > 10, "not all the same"


def test_sorting_leaves_what_the_largest_computes_and_brings_important_channels_first():
    network = trained_by_chance()
    largest = SPACE.largest()
    network.recalibrate(largest, [PICTURES])
    before = network.predict(largest, PICTURES)
    sort_channels(network)
    network.recalibrate(largest, [PICTURES])
    np.testing.assert_allclose(network.predict(largest, PICTURES), before, rtol=1e-4, atol=1e-4)
    for block in network.blocks:
        if block.place.expands:
            importance = np.abs(block.project.numpy()).sum(1)
            assert np.all(np.diff(importance) <= 1e-5)


def test_recalibration_depends_on_the_subnet_alone():
    network = trained_by_chance()
    one, other = subnets()[2:4]
    network.recalibrate(one, [PICTURES])
    before = network.predict(one, PICTURES)
    network.recalibrate(other, [PICTURES[:8]])
    assert np.abs(network.predict(one, PICTURES) - before).max() > 1e-3
    network.recalibrate(one, [PICTURES])
    np.testing.assert_array_equal(network.predict(one, PICTURES), before)


def test_a_stage_that_may_expand_or_not_is_refused():
    stage = Stage(channels=16, stride=1, depths=(1,), kernels=(3,), expansions=(1, 3))
    space = Space(name="mixed", resolutions=(16,), stem=8, stages=(stage,), classes=2)
    with pytest.raises(UserError, match="stage 0 of the space mixed has expansions 1, 3"):
        SuperNetwork(space)
