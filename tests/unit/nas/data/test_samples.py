"""Batches, splits and augmentation of pictures in memory."""

from itertools import islice

import numpy as np
import pytest

from tvm_patch.errors import InputError
from tvm_patch.nas.data.augment import Augmentation
from tvm_patch.nas.data.pictures import Task
from tvm_patch.nas.data.resize import central, resized
from tvm_patch.nas.data.sets import ArrayPictures, Chosen
from tvm_patch.nas.data.split import split

LEFT_AS_IT_IS = Augmentation(area=(1, 1), aspect=(1, 1), flip=False, brightness=0, contrast=0, saturation=0)


def numbered(count=10, side=8, colors=1, augmentation=LEFT_AS_IT_IS):
    """Pictures of one colour each, which is their number; labels are odd or even."""
    pictures = np.repeat(np.arange(count, dtype=np.uint8), side * side * colors)
    return ArrayPictures(
        ("even", "odd"), pictures.reshape(count, side, side, colors), np.arange(count) % 2, augmentation
    )


def numbers(batch):
    return batch[0][:, 0, 0, 0].tolist()


def test_without_a_seed_every_picture_comes_once_in_order():
    batches = list(numbered().batches(4, 4))
    assert [numbers(b) for b in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert batches[0][0].shape == (4, 4, 4, 1)
    assert (batches[0][0].dtype, batches[0][1].dtype) == (np.uint8, np.int32)
    assert batches[2][1].tolist() == [0, 1]


def test_with_a_seed_batches_are_full_endless_and_every_round_has_every_picture_once():
    stream = [n for b in islice(numbered().batches(4, 4, seed=1), 10) for n in numbers(b)]
    rounds = [stream[i : i + 10] for i in range(0, 40, 10)]
    assert all(sorted(r) == list(range(10)) for r in rounds)
    assert len({tuple(r) for r in rounds}) == 4


def test_batches_may_be_larger_than_the_set():
    (batch,) = islice(numbered(3).batches(4, 7, seed=1), 1)
    assert sorted(numbers(batch)[:3]) == sorted(numbers(batch)[3:6]) == [0, 1, 2]


@pytest.mark.parametrize("augment", [False, True])
@pytest.mark.parametrize("first", [1, 3, 5])
def test_who_begins_later_sees_what_would_have_been_seen(first, augment):
    pictures = numbered(augmentation=Augmentation())
    whole = list(islice(pictures.batches(5, 4, seed=3, augment=augment), 7))
    late = list(islice(pictures.batches(5, 4, seed=3, augment=augment, first=first), 7 - first))
    for expected, found in zip(whole[first:], late, strict=True):
        for a, b in zip(expected, found, strict=True):
            np.testing.assert_array_equal(a, b)


def test_another_seed_is_another_order():
    first, again, other = (numbers(next(numbered(50).batches(2, 50, seed=s))) for s in (0, 0, 1))
    assert first == again != other


def test_an_error_in_a_thread_reaches_who_asked():
    class Broken(ArrayPictures):
        def picture(self, index):
            if index == 5:
                raise InputError("five.jpg is no picture")
            return super().picture(index)

    broken = Broken(("a",), np.zeros((9, 4, 4, 1), np.uint8), [0] * 9, LEFT_AS_IT_IS)
    batches = broken.batches(2, 3)
    assert len(next(batches)[0]) == 3
    with pytest.raises(InputError, match="five"):
        next(batches)
    with pytest.raises(InputError, match="five"):
        broken.at(2)


def test_all_pictures_at_a_resolution_are_kept():
    pictures = numbered()
    found = pictures.at(4)
    assert found.shape == (10, 4, 4, 1)
    assert found[:, 2, 2, 0].tolist() == list(range(10))
    assert pictures.at(4) is found
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 1


def test_what_is_kept_has_a_limit(monkeypatch):
    monkeypatch.setattr("tvm_patch.nas.data.samples.KEPT_BYTES", 10 * (16 + 9))
    pictures = numbered()
    four, three = pictures.at(4), pictures.at(3)
    assert pictures.at(4) is four
    pictures.at(2)
    assert pictures.at(4) is four
    assert pictures.at(3) is not three


def test_some_of_a_set():
    chosen = Chosen(numbered(), np.array([7, 2, 4]))
    assert len(chosen) == 3
    assert chosen.labels.tolist() == [1, 0, 0]
    assert chosen.at(3)[:, 0, 0, 0].tolist() == [7, 2, 4]
    assert numbers(next(chosen.batches(3, 3, seed=0, augment=True)))[0] in (7, 2, 4)


@pytest.mark.parametrize("labels", [[0, 2], [-1, 0]])
def test_labels_without_a_class_are_refused(labels):
    with pytest.raises(InputError, match="2 classes"):
        ArrayPictures(("a", "b"), np.zeros((2, 4, 4, 3), np.uint8), labels, LEFT_AS_IT_IS)


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        (np.zeros((2, 4, 4, 3), np.float32), "float32"),
        (np.zeros((3, 4, 4, 3), np.uint8), "2 labels"),
        (np.zeros((2, 4, 4, 2), np.uint8), "2 channels"),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(pictures, message):
    with pytest.raises(InputError, match=message):
        ArrayPictures(("a", "b"), pictures, [0, 1], LEFT_AS_IT_IS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"resolution": 0, "size": 1}, "resolution of 0"),
        ({"resolution": 8, "size": 0}, "batches of 0"),
        ({"resolution": 8, "size": 1, "augment": True}, "needs a seed"),
    ],
)
def test_batches_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        next(numbered().batches(**arguments))


def test_a_task_without_pictures_in_a_part_is_refused():
    full, empty = numbered(), Chosen(numbered(), np.array([], int))
    with pytest.raises(InputError, match="no pictures for validation"):
        Task("little", full.classes, full, empty, full)
    with pytest.raises(InputError, match="test has other"):
        Task("little", full.classes, full, full, numbered(colors=3))


def test_shrinking_counts_every_pixel():
    board = np.indices((64, 64)).sum(0) % 2 * 255
    small = resized(board.astype(np.uint8)[:, :, np.newaxis], (16, 16))
    assert small.shape == (16, 16, 1)
    assert abs(small.astype(int) - 128).max() <= 2


def test_the_middle_of_a_picture():
    assert central((40, 60, 3)) == (10, 0, 50, 40)
    assert central((60, 40, 3), 0.5) == (10, 20, 30, 40)


@pytest.mark.parametrize("shape", [(100, 100), (60, 200)])
def test_cuts_have_the_area_and_aspect_that_is_allowed(shape):
    augmentation = Augmentation(area=(0.1, 0.4), aspect=(0.5, 2))
    chance = np.random.default_rng(0)
    boxes = np.array([augmentation.cut(shape, chance) for _ in range(500)])
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    area = width * height / (shape[0] * shape[1])
    assert (boxes >= 0).all()
    assert (boxes <= [shape[1], shape[0]] * 2).all()
    assert 0.0999 < area.min() < 0.15
    assert 0.35 < area.max() < 0.4001
    assert 0.499 < (width / height).min() < 0.6
    assert 1.7 < (width / height).max() < 2.001


def test_every_second_picture_is_mirrored_where_that_is_allowed():
    ramp = np.tile(np.arange(0, 160, 10, dtype=np.uint8), (16, 1))[:, :, np.newaxis]
    changes = {"area": (1, 1), "aspect": (1, 1), "brightness": 0, "contrast": 0, "saturation": 0}
    chance = np.random.default_rng(0)
    made = [Augmentation(flip=True, **changes).apply(ramp, 16, chance) for _ in range(200)]
    mirrored = sum(np.array_equal(m, ramp[:, ::-1]) for m in made)
    assert 70 < mirrored < 130
    assert mirrored + sum(np.array_equal(m, ramp) for m in made) == 200
    chance = np.random.default_rng(0)
    kept = [Augmentation(flip=False, **changes).apply(ramp, 16, chance) for _ in range(50)]
    assert all(np.array_equal(m, ramp) for m in kept)


def test_light_changes_within_its_limits():
    grey = np.full((4, 4, 3), 100, np.uint8)
    light = Augmentation(brightness=0.2, contrast=0, saturation=0)
    found = [light.lit(grey, np.random.default_rng(s))[0, 0, 0] for s in range(100)]
    assert 80 <= min(found) < 85
    assert 115 < max(found) <= 120
    colored = grey * np.array([2, 1, 0], np.uint8)
    pale = Augmentation(brightness=0, contrast=0, saturation=0.5)
    spread = [np.ptp(pale.lit(colored, np.random.default_rng(s))[0, 0].astype(int)) for s in range(100)]
    assert 100 <= min(spread) < 120
    assert 220 < max(spread) <= 255


def test_a_split_takes_of_every_class_alike():
    labels = np.repeat([0, 1, 2, 3], [100, 50, 2, 1])
    kept, taken = split(labels, 0.1, 0)
    assert sorted([*kept, *taken]) == list(range(153))
    assert np.bincount(labels[taken], minlength=4).tolist() == [10, 5, 1, 0]
    assert np.array_equal(split(labels, 0.1, 0)[1], taken)
    assert not np.array_equal(split(labels, 0.1, 1)[1], taken)


def test_a_split_does_not_part_groups():
    groups = [f"speaker{i % 20}" for i in range(400)]
    kept, taken = split(np.arange(400) % 3, 0.2, 0, groups)
    assert {groups[i] for i in kept}.isdisjoint({groups[i] for i in taken})
    assert 60 <= len(taken) <= 80
    assert len(kept) + len(taken) == 400


def test_a_split_takes_a_group_even_where_all_are_large():
    kept, taken = split(np.zeros(6, int), 0.1, 0, ["a", "a", "a", "b", "b", "b"])
    assert (len(kept), len(taken)) == (3, 3)
    assert len(split(np.zeros(3, int), 0.1, 0, ["a"] * 3)[1]) == 0


@pytest.mark.parametrize("fraction", [0, 1, -0.5])
def test_a_split_needs_a_fraction(fraction):
    with pytest.raises(InputError, match="between 0 and 1"):
        split(np.zeros(4, int), fraction, 0)
