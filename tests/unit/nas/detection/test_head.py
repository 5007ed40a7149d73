"""Anchors, targets and decoding: what is assigned is what a perfect detector says."""

import numpy as np
import pytest

from tests.unit.nas.detection.made import perfect_outputs, random_boxes
from tvm_patch.errors import InputError, UserError
from tvm_patch.nas.detection.anchors import find_anchors, mean_overlap
from tvm_patch.nas.detection.boxes import Boxes
from tvm_patch.nas.detection.draw import draw_boxes
from tvm_patch.nas.detection.head import Detections, Head, suppressed
from tvm_patch.nas.detection.targets import assign

HEAD = Head(classes=("a", "b", "c"), anchors=((0.1, 0.1), (0.3, 0.3), (0.2, 0.6)))


def sized(*sizes):
    return Boxes.of([[0, 0, w, h] for w, h in sizes], [0] * len(sizes))


def test_anchors_are_the_middles_of_clusters():
    chance = np.random.default_rng(0)
    clusters = np.array([[0.05, 0.1], [0.3, 0.3], [0.8, 0.2]])
    scenes = [sized(*(clusters * chance.uniform(0.95, 1.05, (3, 2)))) for _ in range(50)]
    for seed in range(5):
        anchors = find_anchors(scenes, 3, seed)
        np.testing.assert_allclose(anchors, clusters[[0, 1, 2]], rtol=0.05)
    assert mean_overlap(scenes, anchors) > 0.9
    assert mean_overlap(scenes, find_anchors(scenes, 1)) < 0.6
    assert find_anchors(scenes, 5, 1) == find_anchors(scenes, 5, 1)


def test_no_more_anchors_than_boxes_that_differ():
    with pytest.raises(InputError, match="3 anchors from 2 different sizes"):
        find_anchors([sized((0.1, 0.1), (0.2, 0.1)), sized((0.1, 0.1))], 3)
    assert len(find_anchors([sized((0.1, 0.1), (0.2, 0.1))], 2)) == 2


def test_a_head_as_json():
    assert Head.from_json(HEAD.to_json()) == HEAD
    assert HEAD.channels == 3 * 8
    with pytest.raises(UserError, match="anchors"):
        Head.from_json(HEAD.to_json().replace("0.3", "-1"))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("rows", "columns"), [(7, 7), (5, 9)])
def test_what_is_assigned_is_decoded(seed, rows, columns):
    chance = np.random.default_rng(seed)
    scenes = [random_boxes(chance, int(chance.integers(0, 5)), 3) for _ in range(3)]
    targets, lost = assign(HEAD, scenes, rows, columns)
    assert lost == 0
    decoded = HEAD.decode(perfect_outputs(HEAD, targets), threshold=0.5, overlap=1)
    for boxes, found in zip(scenes, decoded, strict=True):
        assert len(found) == len(boxes)
        a, b = (np.lexsort(x.corners.T.round(3)) for x in (boxes, found))
        np.testing.assert_allclose(found.corners[b], boxes.corners[a], atol=1e-4)
        assert found.labels[b].tolist() == boxes.labels[a].tolist()


def test_an_object_is_given_to_the_anchor_most_like_it_at_its_middle():
    targets, _ = assign(HEAD, [Boxes.of([[0.5, 0.0, 0.7, 0.58]], [2])], 10, 10)
    assert np.argwhere(targets.present).tolist() == [[0, 2, 6, 2]]
    np.testing.assert_allclose(targets.places[0, 2, 6, 2], [0, 0.9, 0, np.log(0.58 / 0.6)], atol=1e-4)
    assert targets.labels[0, 2, 6, 2] == 2
    np.testing.assert_allclose(targets.weights[0, 2, 6, 2], 2 - 0.2 * 0.58, rtol=1e-5)


def test_objects_in_one_place_take_different_anchors_and_those_without_one_are_counted():
    box = [0.42, 0.42, 0.52, 0.52]
    targets, lost = assign(HEAD, [Boxes.of([box] * 4, [0, 1, 2, 0])], 1, 1)
    assert targets.present.sum() == 3
    assert lost == 1


def test_anchors_near_an_object_and_on_what_is_ignored_are_not_punished():
    scene = Boxes.of([[0.3, 0.3, 0.6, 0.6], [0.8, 0.8, 1, 1]], [0, 1], [False, True])
    targets, lost = assign(HEAD, [scene], 20, 20)
    assert lost == 0
    assert np.argwhere(targets.present).tolist() == [[0, 9, 9, 1]]
    assert targets.counted[0, 9, 9].tolist() == [1, 1, 1]
    assert targets.counted[0, 9, 8].tolist() == [1, 0, 1]
    assert targets.counted[0, 9, 6].all()
    assert not targets.counted[0, 16:, 16:].any()
    assert targets.counted[0, :2, :2].all()


def test_other_anchors_of_its_place_that_are_like_an_object_are_not_punished():
    head = HEAD.model_copy(update={"anchors": ((0.2, 0.2), (0.22, 0.2), (0.5, 0.5))})
    # In the corner of its place, where no anchor overlaps by much.
    scene = Boxes.of([[0.41, 0.41, 0.61, 0.61]], [0])
    targets, _ = assign(head, [scene], 2, 2)
    assert targets.present[0, 1, 1].tolist() == [1, 0, 0]
    assert targets.counted[0, 1, 1].tolist() == [1, 0, 1]
    assert targets.counted[0].sum() == 4 * 3 - 1


def test_a_box_at_the_border_stays_inside_the_grid():
    targets, _ = assign(HEAD, [Boxes.of([[0.99999, 0.99999, 1, 1]], [0])], 4, 4)
    assert targets.present[0, 3, 3].sum() == 1
    assert np.isfinite(targets.places).all()


def test_of_boxes_that_overlap_the_surest_of_each_class_stays():
    corners = np.array([[0, 0, 0.5, 0.5], [0, 0, 0.5, 0.45], [0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]], np.float32)
    found = Detections(corners, np.array([0, 0, 1, 0]), np.array([0.6, 0.9, 0.5, 0.7], np.float32))
    kept = suppressed(found, 0.45, 10)
    assert kept.scores.tolist() == pytest.approx([0.9, 0.7, 0.5])
    assert kept.labels.tolist() == [0, 0, 1]
    assert len(suppressed(found, 0.45, 2)) == 2
    assert len(suppressed(found, 1.0, 10)) == 4


def test_outputs_that_say_nothing_or_everything():
    nothing = np.full((2, 4, 4, HEAD.channels), -50, np.float32)
    assert [len(d) for d in HEAD.decode(nothing)] == [0, 0]
    wild = np.random.default_rng(0).normal(0, 100, (2, 4, 4, HEAD.channels)).astype(np.float32)
    for found in HEAD.decode(wild):
        assert len(found) <= 100
        assert np.isfinite(found.corners).all()
        assert (np.diff(found.scores) <= 0).all()
    with pytest.raises(InputError, match=r"rows, columns, 24"):
        HEAD.decode(np.zeros((1, 4, 4, 23), np.float32))


def test_boxes_are_drawn_where_they_are():
    grey = np.full((20, 40, 1), 90, np.uint8)
    boxes = Boxes.of([[0.25, 0.25, 0.75, 1]], [1])
    drawn = draw_boxes(grey, boxes, HEAD.classes, scale=2)
    assert drawn.shape == (40, 80, 3)
    assert (drawn[25, 20] != 90).any()
    assert (drawn[25, 59] != 90).any()
    assert (drawn[5, 5] == 90).all()
    found = Detections(boxes.corners, boxes.labels, np.array([0.5], np.float32))
    assert draw_boxes(grey, found, HEAD.classes).shape == (20, 40, 3)
