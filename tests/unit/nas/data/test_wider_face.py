"""WIDER FACE's folders and lists."""

import numpy as np
import pytest

from tests.unit.nas.data.trees import paint
from tvm_patch.errors import InputError
from tvm_patch.nas.data.wider import wider_face

NO_FACES = "0--Parade/none.jpg\n0\n0 0 0 0 0 0 0 0 0 0\n"


def tree(folder, text, name="train"):
    for line in text.splitlines():
        if line.endswith(".jpg"):
            paint(folder / f"WIDER_{name}" / "images" / line, (40, 20))
    path = folder / "wider_face_split" / f"wider_face_{name}_bbx_gt.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return folder


def faces(number, *boxes):
    return f"0--Parade/{number}.jpg\n{len(boxes)}\n" + "".join(f"{box}\n" for box in boxes)


def test_faces_of_both_parts(tmp_path):
    train = NO_FACES + "".join(faces(i, "10 5 20 10 0 0 0 0 0 0", "0 0 4 2 2 0 0 1 0 0") for i in range(9))
    tree(tmp_path, train)
    tree(tmp_path, faces("v", "0 0 40 20 0 0 0 0 0 0"), "val")
    task = wider_face(tmp_path)
    assert task.classes == ("face",)
    assert [len(p) for p in (task.train, task.validation, task.test)] == [9, 1, 1]
    assert task.test.boxes[0].corners.tolist() == [[0, 0, 1, 1]]
    with_faces = [b for b in task.train.boxes if len(b)]
    np.testing.assert_allclose(with_faces[0].corners, [[0.25, 0.25, 0.75, 0.75], [0, 0, 0.1, 0.1]])
    assert with_faces[0].ignored.tolist() == [False, True]


def test_a_picture_without_faces_and_without_the_line_of_zeros(tmp_path):
    train = "0--Parade/none.jpg\n0\n" + "".join(faces(i, "1 1 5 5 0 0 0 0 0 0") for i in range(9))
    task = wider_face(tree(tmp_path, train))
    assert sum(len(p) for p in (task.train, task.validation, task.test)) == 10


@pytest.mark.parametrize(
    "text",
    [
        "0--Parade/1.jpg\n",
        "0--Parade/1.jpg\n2\n1 1 5 5 0 0 0 0 0 0\n",
        "0--Parade/1.jpg\nmany\n",
        "0--Parade/1.jpg\n-1\n",
        "0--Parade/1.jpg\n1\n1 1 5\n",
        "0--Parade/1.jpg\n1\n1 1 5 x 0 0 0 0 0 0\n",
    ],
)
def test_a_list_that_cannot_be_read_names_the_picture(tmp_path, text):
    with pytest.raises(InputError, match=r"train_bbx_gt\.txt is no list of faces.*at 0--Parade/1\.jpg"):
        wider_face(tree(tmp_path, faces(0, "1 1 5 5 0 0 0 0 0 0") + text))


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(InputError, match="wider_face_train_bbx_gt"):
        wider_face(tmp_path)
    tree(tmp_path, "".join(faces(i, "1 1 5 5 0 0 0 0 0 0") for i in range(9)))
    (tmp_path / "WIDER_train/images/0--Parade/3.jpg").unlink()
    with pytest.raises(InputError, match=r"3\.jpg"):
        wider_face(tmp_path)
