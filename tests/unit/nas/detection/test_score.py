"""Average precision by COCO's own code."""

import math

import numpy as np
import pytest

from tests.unit.nas.detection.made import random_boxes
from tvm_patch.errors import InputError
from tvm_patch.nas.detection.boxes import Boxes
from tvm_patch.nas.detection.head import Detections
from tvm_patch.nas.detection.score import score

pytest.importorskip("pycocotools", reason="average precision is counted by pycocotools (extra nas)")
CLASSES = ("a", "b", "c")


def detections(corners, labels, scores):
    return Detections(
        np.asarray(corners, np.float32).reshape(-1, 4),
        np.asarray(labels, np.int32),
        np.asarray(scores, np.float32),
    )


def as_found(boxes, sure=0.9):
    return detections(boxes.corners, boxes.labels, [sure] * len(boxes))


NOTHING = detections([], [], [])
LEFT, RIGHT = [0.1, 0.1, 0.4, 0.4], [0.6, 0.1, 0.9, 0.4]


def test_what_is_there_is_found():
    scenes = [random_boxes(np.random.default_rng(seed), 3, 2) for seed in range(5)]
    found = score([as_found(boxes) for boxes in scenes], scenes, CLASSES)
    assert found.ap[:2] == found.ap50[:2] == pytest.approx((1, 1))
    assert math.isnan(found.ap[2])
    assert (found.mean_ap, found.mean_ap50) == pytest.approx((1, 1))


def test_nothing_is_found():
    found = score([NOTHING], [Boxes.of([LEFT], [1])], CLASSES)
    assert found.ap50[1] == 0
    assert math.isnan(found.ap50[0])
    assert found.mean_ap == 0


def test_the_first_object_counts():
    """pycocotools takes an object of number 0 for none; a single object would never be found."""
    found = score([detections([LEFT], [0], [0.5])], [Boxes.of([LEFT], [0])], CLASSES)
    assert found.ap[0] == pytest.approx(1)


def test_half_of_the_objects():
    scenes = [Boxes.of([LEFT], [0]), Boxes.of([RIGHT], [0])]
    found = score([as_found(scenes[0]), NOTHING], scenes, CLASSES)
    assert found.ap50[0] == pytest.approx(51 / 101)


def test_a_surer_false_one_costs_precision_and_a_less_sure_one_does_not():
    scenes = [Boxes.of([LEFT], [0])]
    sure, unsure = (score([detections([LEFT, RIGHT], [0, 0], [0.5, s])], scenes, CLASSES) for s in (0.9, 0.1))
    assert sure.ap50[0] == pytest.approx(0.5)
    assert unsure.ap50[0] == pytest.approx(1)


def test_a_shifted_box_counts_at_low_overlaps_only():
    shifted = [0.16, 0.1, 0.46, 0.4]  # overlap 24 / 36
    found = score([detections([shifted], [0], [0.9])], [Boxes.of([LEFT], [0])], CLASSES)
    assert found.ap50[0] == pytest.approx(1)
    assert found.ap[0] == pytest.approx(0.4)


def test_what_is_ignored_is_neither_right_nor_wrong():
    scenes = [Boxes.of([LEFT, RIGHT], [0, 0], [False, True])]
    both, one = (
        score([detections([LEFT, RIGHT][:n], [0] * n, [0.5, 0.9][:n])], scenes, CLASSES).ap50[0]
        for n in (2, 1)
    )
    assert both == one == pytest.approx(1)


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(InputError, match="no objects"):
        score([NOTHING], [Boxes.of([LEFT], [0], [True])], CLASSES)
    with pytest.raises(InputError, match="1 pictures, and 2"):
        score([NOTHING], [Boxes.of([LEFT], [0])] * 2, CLASSES)


def test_nothing_is_printed(capsys):
    score([NOTHING, detections([LEFT], [0], [1])], [Boxes.of([LEFT], [0])] * 2, CLASSES)
    assert capsys.readouterr().out == ""
