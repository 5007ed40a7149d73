"""Pictures and their boxes change together."""

from itertools import islice

import numpy as np
import pytest

from tvm_patch.errors import InputError
from tvm_patch.nas.data.augment import Augmentation
from tvm_patch.nas.detection.boxes import Boxes
from tvm_patch.nas.detection.digits import digits_detection
from tvm_patch.nas.detection.scenes import DetectionTask
from tvm_patch.nas.detection.sets import SceneSamples, split_scenes

GEOMETRY = Augmentation(area=(0.4, 1), brightness=0, contrast=0, saturation=0)


def marked(fit, shape=(40, 60), count=12, augmentation=GEOMETRY):
    """Black pictures with one white box each."""
    chance = np.random.default_rng(0)
    pictures, boxes = [], []
    for _ in range(count):
        picture = np.zeros((*shape, 1), np.uint8)
        top, left = int(chance.integers(0, shape[0] - 20)), int(chance.integers(0, shape[1] - 20))
        picture[top : top + 16, left : left + 12] = 255
        pictures.append(picture)
        corners = np.array([left, top, left + 12, top + 16]) / [shape[1], shape[0], shape[1], shape[0]]
        boxes.append(Boxes.of([corners], [0]))
    return SceneSamples(("white",), 1, pictures.__getitem__, [shape] * count, boxes, fit, augmentation)


def white_box(picture):
    """The box of what is white, in parts of the picture; none if there is nothing."""
    rows, columns = (np.nonzero((picture[:, :, 0] > 191).any(axis))[0] for axis in (1, 0))
    if not len(rows):
        return None
    size = picture.shape[0]
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) / size


@pytest.mark.parametrize("fit", ["stretch", "letterbox"])
@pytest.mark.parametrize("shape", [(40, 60), (70, 40), (50, 50)])
def test_boxes_are_where_the_objects_are(fit, shape):
    scenes = marked(fit, shape)
    for picture, boxes in zip(scenes.at(128), scenes.boxes, strict=True):
        np.testing.assert_allclose(boxes.corners[0], white_box(picture), atol=1.5 / 128)


@pytest.mark.parametrize("fit", ["stretch", "letterbox"])
@pytest.mark.parametrize("shape", [(40, 60), (70, 40)])
def test_boxes_follow_what_is_changed_at_random(fit, shape):
    seen = 0
    for pictures, boxes in islice(marked(fit, shape).batches(128, 6, seed=0, augment=True), 20):
        for picture, found in zip(pictures, boxes, strict=True):
            if len(found):
                np.testing.assert_allclose(found.corners[0], white_box(picture), atol=2.5 / 128)
                seen += 1
    assert seen > 90


def test_batches_in_order_by_seed_and_from_the_middle():
    scenes = marked("stretch")
    in_order = list(scenes.batches(32, 5))
    assert [len(pictures) for pictures, _ in in_order] == [5, 5, 2]
    assert [b for _, boxes in in_order for b in boxes] == list(scenes.boxes)
    whole = list(islice(scenes.batches(32, 5, seed=1, augment=True), 6))
    late = list(islice(scenes.batches(32, 5, seed=1, augment=True, first=3), 3))
    for (a, b), (c, d) in zip(whole[3:], late, strict=True):
        np.testing.assert_array_equal(a, c)
        assert all(np.array_equal(x.corners, y.corners) for x, y in zip(b, d, strict=True))
    with pytest.raises(InputError, match="needs a seed"):
        next(scenes.batches(32, 5, augment=True))


def test_some_scenes():
    scenes = marked("letterbox")
    some = scenes.some(np.array([3, 1]))
    np.testing.assert_array_equal(some.at(24), scenes.at(24)[[3, 1]])
    assert np.array_equal(some.boxes[0].corners, scenes.boxes[3].corners)


def test_rare_classes_are_in_both_parts():
    scenes = [Boxes.of([[0, 0, 1, 1]], [0]) for _ in range(40)]
    scenes += [Boxes.of([[0, 0, 1, 1]] * 2, [0, 1]) for _ in range(4)] + [Boxes.of([], [])] * 6
    kept, taken = split_scenes(scenes, 2, 0.25, 0)
    assert sum(1 in scenes[i].labels for i in taken) == 1
    assert len(kept) + len(taken) == 50
    assert 11 <= len(taken) <= 13


def test_a_task_needs_boxes():
    full = marked("stretch")
    empty = SceneSamples(("white",), 1, lambda _: np.zeros((8, 8, 1), np.uint8), [(8, 8)], [Boxes.of([], [])])
    with pytest.raises(InputError, match="no boxes"):
        DetectionTask("little", ("white",), empty, full, full)
    with pytest.raises(InputError, match="no pictures for test"):
        DetectionTask("little", ("white",), full, full, full.some(np.array([], int)))
    with pytest.raises(InputError, match="1 pictures with boxes for 0"):
        SceneSamples(("white",), 1, lambda _: np.zeros((8, 8, 1), np.uint8), [(8, 8)], [])


def test_digits_with_boxes():
    pytest.importorskip("sklearn", reason="the digits are scikit-learn's (extra nas)")
    task = digits_detection(sizes=(12, 3, 5))
    assert [len(p) for p in (task.train, task.validation, task.test)] == [12, 3, 5]
    assert task.train.at(64).shape == (12, 64, 64, 1)
    assert {1, 2, 3, 4} >= {len(b) for b in task.train.boxes}
    assert sum(len(b) for b in task.train.boxes) > 20
    again = digits_detection(sizes=(12, 3, 5))
    np.testing.assert_array_equal(task.test.at(112), again.test.at(112))
    pictures, boxes = next(task.train.batches(96, 8, seed=0, augment=True))
    assert pictures.shape == (8, 96, 96, 1)
    assert all(not b.ignored.any() for b in boxes)
    with pytest.raises(InputError, match="at least one"):
        digits_detection(sizes=(1, 1, 0))
