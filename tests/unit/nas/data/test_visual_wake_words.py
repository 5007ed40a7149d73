"""Visual Wake Words from COCO's annotations."""

import json

import pytest

from tests.unit.nas.data.trees import paint
from tvm_patch.errors import InputError
from tvm_patch.nas.data.coco import visual_wake_words

PERSON, DOG = 1, 18


def tree(folder, parts):
    """Write pictures of 100×50; `parts` gives for each the boxes of every one, as category, width, height."""
    for part, pictures in parts.items():
        images, annotations = [], []
        for number, boxes in enumerate(pictures):
            name = f"{number:012}.jpg"
            paint(folder / f"{part}2017" / name, (100, 50))
            images.append({"id": 1000 - number, "file_name": name, "width": 100, "height": 50})
            for category, width, height in boxes:
                annotations.append(
                    {"image_id": 1000 - number, "category_id": category, "bbox": [1.5, 2, width, height]}
                )
        (folder / "annotations").mkdir(exist_ok=True)
        categories = [{"id": PERSON, "name": "person"}, {"id": DOG, "name": "dog"}]
        said = {"images": images, "annotations": annotations, "categories": categories}
        (folder / "annotations" / f"instances_{part}2017.json").write_text(json.dumps(said))
    return folder


TEST = [
    [(PERSON, 5, 5)],
    [(PERSON, 5.1, 5)],
    [(DOG, 50, 50)],
    [],
    [(DOG, 9, 9), (PERSON, 3, 3), (PERSON, 20, 20)],
]


def test_a_person_counts_from_half_a_percent_of_the_picture(tmp_path):
    task = visual_wake_words(tree(tmp_path, {"train": [[(PERSON, 9, 9)], []] * 10, "val": TEST}))
    assert task.classes == ("no person", "person")
    assert task.test.labels.tolist() == [0, 1, 0, 0, 1]
    assert [len(p) for p in (task.train, task.validation, task.test)] == [18, 2, 5]
    assert task.validation.labels.tolist() == [1, 0] or sorted(task.validation.labels) == [0, 1]
    assert task.train.at(24).shape == (18, 24, 24, 3)
    assert "12 of 25 pictures" in task.notes[0]


def test_another_thing(tmp_path):
    folder = tree(tmp_path, {"train": TEST * 4, "val": TEST})
    task = visual_wake_words(folder, thing="dog", least=0.1)
    assert task.test.labels.tolist() == [0, 0, 1, 0, 0]
    with pytest.raises(InputError, match="no category cat"):
        visual_wake_words(folder, thing="cat")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"images": [{"id": 1}], "annotations": [], "categories": []}']
)
def test_annotations_that_cannot_be_read_are_named(tmp_path, text):
    tree(tmp_path, {"train": TEST * 4, "val": TEST})
    (tmp_path / "annotations" / "instances_val2017.json").write_text(text)
    with pytest.raises(InputError, match=r"instances_val2017\.json"):
        visual_wake_words(tmp_path)


def test_what_is_missing_is_named(tmp_path):
    tree(tmp_path, {"train": TEST * 4})
    with pytest.raises(InputError, match=r"no instances_val"):
        visual_wake_words(tmp_path)
    tree(tmp_path, {"val": TEST})
    for number in (1, 2):
        (tmp_path / "val2017" / f"{number:012}.jpg").unlink()
    with pytest.raises(InputError, match=r"000000000001\.jpg .*so is 1 more of 25 files"):
        visual_wake_words(tmp_path)
