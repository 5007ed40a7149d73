"""What lies in a folder is recognised by its layout."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.unit.nas.data.test_voc import plain_tree
from tests.unit.nas.data.trees import class_tree, paint
from tvm_patch.errors import InputError
from tvm_patch.nas.data import open as opening
from tvm_patch.nas.data.digits import Digits
from tvm_patch.nas.data.open import open_task
from tvm_patch.nas.data.pictures import Task
from tvm_patch.nas.detection.scenes import DetectionTask

ROOT = Path(__file__).parents[4]


def test_pictures_by_class(tmp_path):
    task = open_task(class_tree(tmp_path, {"a": 10, "b": 10}))
    assert isinstance(task, Task)
    assert task.notes[0].startswith("20 pictures of 2 classes")
    assert task.colors == 3
    assert open_task(tmp_path, colors=1).colors == 1


def test_pascal_voc(tmp_path):
    task = open_task(str(plain_tree(tmp_path)), fit="letterbox")
    assert isinstance(task, DetectionTask)
    assert "as Pascal VOC's" in task.notes[0]
    assert task.train.fit == "letterbox"


def test_wider_face(tmp_path):
    (tmp_path / "wider_face_split").mkdir()
    lines = []
    for index in range(10):
        paint(tmp_path / f"WIDER_train/images/0/{index}.jpg")
        lines.append(f"0/{index}.jpg\n1\n1 1 5 5 0 0 0 0 0 0\n")
    (tmp_path / "wider_face_split" / "wider_face_train_bbx_gt.txt").write_text("".join(lines))
    assert "WIDER FACE" in open_task(tmp_path).notes[0]


def test_visual_wake_words(tmp_path):
    for part in ("train", "val"):
        images = []
        for index in range(4):
            paint(tmp_path / f"{part}2017/{index}.jpg", (40, 30))
            images.append({"id": index, "file_name": f"{index}.jpg", "width": 40, "height": 30})
        said = {
            "images": images,
            "annotations": [{"image_id": i, "category_id": 1, "bbox": [0, 0, 9, 9]} for i in (0, 1)],
            "categories": [{"id": 1, "name": "person"}],
        }
        (tmp_path / "annotations").mkdir(exist_ok=True)
        (tmp_path / "annotations" / f"instances_{part}2017.json").write_text(json.dumps(said))
    assert open_task(tmp_path).classes == ("no person", "person")


def test_sound(tmp_path):
    soundfile = pytest.importorskip("soundfile", reason="sound is read by soundfile (extra nas)")
    for name in ("go", "stop"):
        (tmp_path / "train" / name).mkdir(parents=True)
        for index in range(10):
            soundfile.write(tmp_path / "train" / name / f"{index}.wav", np.zeros(16000), 16000)
    task = open_task(tmp_path)
    assert "20 sounds of 2 classes" in task.notes[0]
    assert task.colors == 1
    with pytest.raises(InputError, match="one channel"):
        open_task(tmp_path, colors=3)


def test_tasks_that_are_made(monkeypatch):
    pytest.importorskip("sklearn", reason="the digits are scikit-learn's (extra nas)")
    whole, few = Digits.task, (10, 10, 10)
    monkeypatch.setattr(Digits, "task", lambda self: whole(self, few))
    detection = opening.digits_detection
    monkeypatch.setattr(opening, "digits_detection", lambda digits: detection(sizes=few, digits=digits))
    assert open_task("digits").colors == 1
    assert open_task("digits", colors=3, seed=2).colors == 3
    assert isinstance(open_task("digits-detection"), DetectionTask)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda folder: folder / "nowhere",
            "does not exist; give a folder, a zip file, digits or digits-detection",
        ),
        (lambda folder: folder, "has 0 folders of classes"),
        (lambda folder: paint(folder / "a.png"), "neither a folder nor a zip file"),
    ],
)
def test_what_is_nothing_is_refused(tmp_path, make, message):
    with pytest.raises(InputError, match=message):
        open_task(make(tmp_path))


def test_a_seed_below_zero_is_refused():
    with pytest.raises(InputError, match="seed of -1"):
        open_task("digits", seed=-1)


def test_neither_tensorflow_nor_tvm_is_imported(tmp_path):
    class_tree(tmp_path, {"a": 10, "b": 10})
    code = (
        "import sys; from tvm_patch.nas.data.open import open_task; open_task(sys.argv[1]);"
        "print([m for m in ('tensorflow', 'tvm', 'sklearn', 'pycocotools', 'soundfile') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
