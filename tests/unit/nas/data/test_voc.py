"""Detection sets as Pascal VOC's."""

import zipfile

import numpy as np
import pytest

from tests.conftest import SHARED
from tests.unit.nas.data.trees import paint
from tvm_patch.errors import InputError
from tvm_patch.nas.data.voc import voc


def annotation(objects, size=(40, 30)):
    entries = "".join(
        f"<object><name>{name}</name><difficult>{hard}</difficult><bndbox><xmin>{box[0]}</xmin>"
        f"<ymin>{box[1]}</ymin><xmax>{box[2]}</xmax><ymax>{box[3]}</ymax></bndbox></object>"
        for name, box, hard in objects
    )
    return (
        f"<annotation><size><width>{size[0]}</width><height>{size[1]}</height></size>{entries}</annotation>"
    )


def plain_tree(folder, count=10, lists=None, objects=(("cat", (10, 15, 30, 30), 0),)):
    for index in range(count):
        paint(folder / "images" / f"{index}.jpg", (40, 30))
        path = folder / "annotations" / f"{index}.xml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(annotation(objects))
    for name, members in (lists or {}).items():
        (folder / f"{name}.txt").write_text("\n".join(str(m) for m in members) + "\n")
    return folder


def sizes(task):
    return [len(part) for part in (task.train, task.validation, task.test)]


def test_boxes_are_parts_of_the_picture(tmp_path):
    objects = [("cat", (10, 15, 30, 30), 0), ("ant", (0, 0, 40, 3), 1)]
    task = voc(plain_tree(tmp_path, lists={"train": range(8), "test": (8, 9)}, objects=objects))
    assert task.classes == ("ant", "cat")
    assert sizes(task) == [7, 1, 2]
    (boxes, _) = task.test.boxes
    np.testing.assert_allclose(boxes.corners, [[0.25, 0.5, 0.75, 1], [0, 0, 1, 0.1]])
    assert boxes.labels.tolist() == [1, 0]
    assert boxes.ignored.tolist() == [False, True]
    assert task.test.at(16).shape == (2, 16, 16, 3)


def test_pascal_voc_counts_pixels_from_one_and_in_years(tmp_path):
    for year, names in (
        (2007, {"trainval": "ab", "train": "a", "val": "b", "test": "c"}),
        (2012, {"trainval": "de"}),
    ):
        place = tmp_path / "VOCdevkit" / f"VOC{year}"
        (place / "ImageSets" / "Main").mkdir(parents=True)
        (place / "Annotations").mkdir()
        for part, members in names.items():
            (place / "ImageSets" / "Main" / f"{part}.txt").write_text("\n".join(members))
            for member in members:
                paint(place / "JPEGImages" / f"{member}.jpg")
                text = annotation([("dog", (1, 1, 40, 30), 0)])
                (place / "Annotations" / f"{member}.xml").write_text(text)
    task = voc(tmp_path)
    assert sizes(task) == [3, 1, 1]
    assert task.test.boxes[0].corners.tolist() == [[0, 0, 1, 1]]


def test_without_lists_both_parts_are_taken(tmp_path):
    task = voc(plain_tree(tmp_path, 20))
    assert sizes(task) == [14, 2, 4]
    assert len(task.notes) == 3


def test_some_classes(tmp_path):
    objects = [("cat", (10, 15, 30, 30), 0), ("ant", (0, 0, 40, 3), 0)]
    plain_tree(tmp_path, 10, objects=objects)
    task = voc(tmp_path, classes=("cat",))
    assert task.classes == ("cat",)
    assert {len(b) for b in task.train.boxes} == {1}
    with pytest.raises(InputError, match="no objects of class dog; there are ant, cat"):
        voc(tmp_path, classes=("cat", "dog"))


def test_boxes_beyond_the_border_are_cut_and_empty_ones_counted(tmp_path):
    objects = [("cat", (-10, 15, 60, 30), 0), ("cat", (5, 5, 5, 9), 0), ("cat", (50, 5, 60, 9), 0)]
    task = voc(plain_tree(tmp_path, 10, objects=objects))
    assert task.train.boxes[0].corners.tolist() == [[0, 0.5, 1, 1]]
    assert any(note.startswith("20 boxes are empty or outside") for note in task.notes)


def test_a_letterbox_keeps_the_form_of_things(tmp_path):
    task = voc(plain_tree(tmp_path, 10), fit="letterbox")
    np.testing.assert_allclose(task.train.boxes[0].corners, [[0.25, 0.5, 0.75, 0.875]], atol=1e-6)
    picture = task.train.at(40)[0]
    assert (picture[:5] == 127).all()
    assert (picture[35:] == 127).all()
    assert (abs(picture[5:35].astype(int) - [200, 30, 30]) < 6).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "3.xml is no annotation"),
        ("<annotation><object></annotation>", "3.xml is no annotation"),
        ("<annotation><object><name>a</name></object></annotation>", "without bndbox"),
        (annotation([("", (1, 1, 2, 2), 0)]), "without name"),
        (annotation([("a", ("x", 1, 2, 2), 0)]), "could not convert"),
        (annotation([("a", ("nan", 1, 2, 2), 0)]), "not finite"),
        (annotation([("cat", (1, 1, 2, 2), 0)], (30, 40)), "speaks of"),
    ],
)
def test_a_bad_annotation_is_named(tmp_path, text, message):
    plain_tree(tmp_path)
    (tmp_path / "annotations" / "3.xml").write_text(text)
    with pytest.raises(InputError, match=message):
        voc(tmp_path)


def test_bad_annotations_are_counted(tmp_path):
    plain_tree(tmp_path)
    for index in (3, 5, 7):
        (tmp_path / "annotations" / f"{index}.xml").write_text("nothing")
    with pytest.raises(InputError, match=r"3\.xml .*; so are 2 more of 10 annotations; mend or remove them"):
        voc(tmp_path)


def test_a_missing_picture_and_a_broken_one_are_named(tmp_path):
    plain_tree(tmp_path)
    (tmp_path / "images" / "4.jpg").write_text("broken")
    with pytest.raises(InputError, match=r"4\.jpg is no picture"):
        voc(tmp_path)
    (tmp_path / "images" / "4.jpg").unlink()
    with pytest.raises(InputError, match=r"images/4 .* no picture of it"):
        voc(tmp_path)


def test_a_name_in_a_list_that_is_not_there(tmp_path):
    plain_tree(tmp_path, lists={"train": (0, 1, 2, 99), "test": (3,)})
    with pytest.raises(InputError, match="99"):
        voc(tmp_path)


def test_no_boxes_at_all(tmp_path):
    with pytest.raises(InputError, match="no boxes to train on"):
        voc(plain_tree(tmp_path, objects=()))
    with pytest.raises(InputError, match="no annotations and pictures"):
        voc(tmp_path / "images")


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("bccd", ("Platelets", "RBC", "WBC")),
        ("playing_cards", ("ace", "jack", "king", "nine", "queen", "ten")),
    ],
)
def test_real_sets(tmp_path, name, classes):
    archive = SHARED / "datasets" / f"{name}.zip"
    if not archive.is_file():
        pytest.skip(f"no data sets at {archive.parent}; set TVM_PATCH_SHARED")
    with zipfile.ZipFile(archive) as packed:
        chosen = []
        for part, count in (("train", 40), ("test", 10)):
            names = packed.read(f"{part}.txt").decode().split()[:count]
            (tmp_path / f"{part}.txt").write_text("\n".join(names))
            chosen += names
        for member in chosen:
            packed.extract(f"annotations/{member}.xml", tmp_path)
            packed.extract(f"images/{member}.jpg", tmp_path)
    task = voc(tmp_path)
    assert task.classes == classes
    train, validation, test = sizes(task)
    assert (train + validation, test) == (40, 10)
    assert 4 <= validation <= 6
    assert task.train.at(64).shape == (train, 64, 64, 3)
    assert sum(len(b) for b in task.train.boxes) >= train
