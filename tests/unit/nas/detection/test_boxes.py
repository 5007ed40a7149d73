"""Boxes, how they overlap, and what a window leaves of them."""

import numpy as np
import pytest

from tvm_patch.errors import InputError
from tvm_patch.nas.detection.boxes import Boxes, overlaps, shape_overlaps

WHOLE = [0, 0, 1, 1]
LEFT = [0, 0, 0.5, 1]
QUARTER = [0, 0, 0.5, 0.5]
FAR = [0.75, 0.75, 1, 1]


def test_overlap_is_intersection_over_union():
    found = overlaps(np.array([WHOLE, LEFT, QUARTER]), np.array([LEFT, FAR]))
    np.testing.assert_allclose(found, [[0.5, 1 / 16], [1, 0], [0.5, 0]])
    assert overlaps(np.zeros((0, 4)), np.array([LEFT])).shape == (0, 1)


def test_shapes_overlap_as_boxes_around_one_middle():
    found = shape_overlaps(np.array([[0.2, 0.4]]), np.array([[0.2, 0.4], [0.4, 0.2], [0.1, 0.4]]))
    np.testing.assert_allclose(found, [[1, 1 / 3, 0.5]])


@pytest.mark.parametrize(
    ("corners", "labels", "message"),
    [
        ([WHOLE], [0, 1], "1 boxes with 2 labels"),
        ([[0, 0, 1.1, 1]], [0], "outside"),
        ([[0, 0, float("nan"), 1]], [0], "outside"),
        ([[0.5, 0, 0.5, 1]], [0], "empty"),
        ([WHOLE], [3], "none of 3 classes"),
    ],
)
def test_boxes_that_cannot_be_are_refused(corners, labels, message):
    with pytest.raises(InputError, match=message):
        Boxes.of(corners, labels, classes=3)


def test_a_window_cuts_boxes_and_drops_what_is_hardly_seen():
    boxes = Boxes.of([LEFT, [0.4, 0, 0.6, 1], [0.55, 0, 0.95, 1], [0.45, 0, 0.95, 1]], [0, 1, 2, 3])
    seen = boxes.within((0, 0, 0.6, 1), least=0.25)
    assert seen.labels.tolist() == [0, 1, 3]
    np.testing.assert_allclose(seen.corners[:, [0, 2]], [[0, 5 / 6], [4 / 6, 1], [0.75, 1]], atol=1e-6)
    assert seen.ignored.tolist() == [False, False, True]


def test_a_window_may_reach_beyond_the_picture():
    seen = Boxes.of([WHOLE], [0]).within((-0.5, 0, 1.5, 1))
    np.testing.assert_allclose(seen.corners, [[0.25, 0, 0.75, 1]])
    assert not seen.ignored.any()


def test_mirrored_twice_is_as_before():
    boxes = Boxes.of([[0.1, 0.2, 0.3, 0.4]], [0])
    np.testing.assert_allclose(boxes.mirrored().corners, [[0.7, 0.2, 0.9, 0.4]], atol=1e-6)
    np.testing.assert_allclose(boxes.mirrored().mirrored().corners, boxes.corners, atol=1e-6)
