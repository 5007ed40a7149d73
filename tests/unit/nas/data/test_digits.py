"""The generated task: small digits in large scenes."""

import builtins

import numpy as np
import pytest

from tvm_patch.errors import InputError, ToolMissingError
from tvm_patch.nas.data.clutter import Scenery
from tvm_patch.nas.data.digits import Digits, glyphs

needs_digits = pytest.mark.usefixtures("sklearn")


@pytest.fixture
def sklearn():
    return pytest.importorskip("sklearn", reason="the digits are scikit-learn's (extra nas)")


@needs_digits
def test_scenes_of_three_parts_at_any_resolution():
    task = Digits().task((40, 10, 20))
    assert [len(p) for p in (task.train, task.validation, task.test)] == [40, 10, 20]
    assert task.colors == 1
    assert task.train.at(112).shape == (40, 112, 112, 1)
    assert task.test.at(32).shape == (20, 32, 32, 1)
    assert np.bincount(task.train.labels).tolist() == [4] * 10


@needs_digits
def test_a_seed_makes_the_same_scenes_and_sizes_do_not_change_them():
    one, again, more = (Digits(3).task(s).train.at(112) for s in ((10, 10, 10), (10, 10, 10), (20, 10, 10)))
    np.testing.assert_array_equal(one, again)
    other = Digits(4).task((10, 10, 10)).train.at(112)
    assert not np.array_equal(one, other)
    np.testing.assert_array_equal(more[:10], one)


@needs_digits
def test_parts_share_no_digit():
    parts = [{p.tobytes() for p in pictures} for pictures, _ in glyphs(0)]
    assert len(set.union(*parts)) == sum(len(p) for p in parts)
    assert [len(p) for p in parts] == [1078, 180, 539]


@needs_digits
def test_boxes_hold_the_digits_and_do_not_overlap():
    source = glyphs(0)[0]
    digits = Digits()
    for seed in range(20):
        scene, boxes = digits.scene([1, 2, 3], source, np.random.default_rng(seed))
        placed = boxes[~np.isnan(boxes[:, 0])]
        assert len(placed) >= 2
        assert placed.min() >= digits.scenery.margin
        assert placed.max() <= 112 - digits.scenery.margin
        cover = np.zeros((112, 112), int)
        for left, top, right, bottom in placed.astype(int):
            assert 14 <= bottom - top <= 22
            assert scene[top:bottom, left:right].max() > 150
            cover[top:bottom, left:right] += 1
        assert cover.max() == 1


@needs_digits
def test_scenes_in_colours():
    task = Digits(colors=3).task((4, 4, 4))
    assert task.train.at(64).shape == (4, 64, 64, 3)
    assert np.ptp(task.train.at(64).astype(int), axis=3).max() > 10


@needs_digits
def test_a_part_without_scenes_is_refused():
    with pytest.raises(InputError, match="at least one"):
        Digits().task((10, 0, 10))


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"colors": 2}, "2 channels"), ({"scenery": Scenery(side=48)}, "22 pixels in 32")],
)
def test_scenes_that_cannot_be_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        Digits(**settings)


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def missing(name, *arguments, **named):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ToolMissingError, match=r"tvm-patch\[nas\]"):
        Digits().task((1, 1, 1))
