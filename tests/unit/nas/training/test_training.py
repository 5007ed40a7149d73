import json
import zipfile

import numpy as np
import pytest

from tests.unit.nas.training.little import SPACE, task
from tvm_patch.errors import UserError

pytest.importorskip("tensorflow", reason="needs the extra [nas]: pip install 'tvm-patch[nas]'")

from tvm_patch.nas.recipe import Recipe, SuperRecipe
from tvm_patch.nas.training.checkpoint import load_checkpoint, save_checkpoint
from tvm_patch.nas.training.fine_tuning import FineTuning
from tvm_patch.nas.training.judging import Judge
from tvm_patch.nas.training.keras_model import inherit
from tvm_patch.nas.training.super_training import SuperTraining
from tvm_patch.nas.training.supernet import SuperNetwork, normalized

pytestmark = pytest.mark.slow
TASK = task()
RECIPE = SuperRecipe(
    largest=Recipe(steps=30, batch=32, rate=0.1, warmup=5),
    sampled=Recipe(steps=25, batch=32, rate=0.1),
    subnets=2,
)


def training(checkpoint=None, recipe=RECIPE, seed=0):
    return SuperTraining(SuperNetwork(SPACE, seed=1), TASK.train, recipe, seed, checkpoint)


def weights(training):
    return [v.numpy() for v in training.trained]


@pytest.fixture(scope="module")
def whole():
    one = training()
    steps = list(one.run())
    assert [s.done for s in steps] == list(range(1, 56))
    return one


def test_subnets_learn_and_a_network_goes_on_from_its_weights(whole):
    judge = Judge(whole.network, TASK.train, TASK.validation, batches=4, size=32)
    found = {name: judge.accuracy(s) for name, s in (("large", SPACE.largest()), ("small", SPACE.smallest()))}
    assert found["large"] > 0.8
    judge.calibrate(SPACE.smallest())
    model = inherit(whole.network, SPACE.smallest())
    list(FineTuning(model, TASK.train, Recipe(steps=60, batch=32, rate=0.05)).run())
    resolution = SPACE.smallest().resolution
    scores = model.predict(normalized(TASK.validation.at(resolution)), verbose=0)
    assert np.mean(scores.argmax(1) == TASK.validation.labels) > max(0.8, found["small"])


@pytest.mark.parametrize("stopped", [30, 41])
def test_a_training_that_was_stopped_ends_with_the_same_weights(whole, stopped, tmp_path):
    path = tmp_path / "checkpoint.npz"
    first = training(path)
    for step in first.run():
        if step.done == stopped:
            first.save()
            break
    second = training(path)
    assert len(list(second.run())) == 55 - stopped
    for mine, theirs in zip(weights(second), weights(whole), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    path = tmp_path / "checkpoint.npz"
    one = training(path)
    next(one.run())
    one.save()
    with pytest.raises(UserError, match="checkpoint of another seed"):
        next(training(path, seed=3).run())
    other = RECIPE.model_copy(update={"sampled": Recipe(steps=3)})
    with pytest.raises(UserError, match="checkpoint of another recipe"):
        next(training(path, other).run())
    network = SuperNetwork(SPACE.model_copy(update={"stem": 16}))
    with pytest.raises(UserError, match="checkpoint of another space"):
        next(SuperTraining(network, TASK.train, RECIPE, checkpoint=path).run())


def test_broken_checkpoints_are_refused(tmp_path):
    path = tmp_path / "checkpoint.npz"
    save_checkpoint(path, {"a": np.zeros(3)}, {"done": 1})
    assert load_checkpoint(path)[1] == {"done": 1, "version": 1}
    data = path.read_bytes()
    for broken in (b"", data[: len(data) // 2], b"PK" + data[2:40]):
        path.write_bytes(broken)
        with pytest.raises(UserError, match="is no checkpoint, or was cut off"):
            load_checkpoint(path)
    np.savez(path, **{"meta.json": np.frombuffer(json.dumps({"version": 9}).encode(), np.uint8)})
    with pytest.raises(UserError, match="is of version 9; this tvm-patch reads version 1"):
        load_checkpoint(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("other", b"x")
    with pytest.raises(UserError, match="is no checkpoint"):
        load_checkpoint(path)
    with pytest.raises(UserError, match="cannot read the checkpoint"):
        load_checkpoint(tmp_path / "none.npz")


def test_a_lost_loss_stops_with_the_last_good_weights(tmp_path):
    path = tmp_path / "checkpoint.npz"
    good = training(path)
    next(good.run())
    good.save()
    kept = path.read_bytes()
    lost = training(path)
    steps = lost.run()
    next(steps)
    lost.network.stem.assign(lost.network.stem * np.nan)
    with pytest.raises(
        UserError, match=rf"loss is nan at step 2 of 55.*lower learning rate than 0.1; .*{path.name}"
    ):
        next(steps)
    assert path.read_bytes() == kept


def test_the_rate_rises_and_falls():
    recipe = Recipe(steps=110, rate=2.0, warmup=10)
    assert [recipe.rate_at(s) for s in (0, 4, 9)] == pytest.approx([0.2, 1.0, 2.0])
    assert recipe.rate_at(60) == pytest.approx(1.0)
    assert recipe.rate_at(109) < 0.01
    assert recipe.rate_at(110) == 0
