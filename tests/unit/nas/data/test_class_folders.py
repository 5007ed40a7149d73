"""Folders of pictures by class."""

import zipfile
from itertools import islice

import numpy as np
import pytest

from tests.conftest import SHARED
from tests.unit.nas.data.trees import class_tree, noise, paint
from tvm_patch.errors import InputError
from tvm_patch.nas.data.folders import class_folders


def _all_parts_at(task, resolution):
    return [part.at(resolution) for part in (task.train, task.validation, task.test)]


def sizes(task):
    return [len(part) for part in (task.train, task.validation, task.test)]


def test_parts_that_the_folder_has(tmp_path):
    class_tree(tmp_path, {f"{p}/{c}": n for p, n in (("train", 6), ("val", 2), ("test", 3)) for c in "ab"})
    task = class_folders(tmp_path)
    assert task.classes == ("a", "b")
    assert sizes(task) == [12, 4, 6]
    assert task.test.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert task.train.at(16).shape == (12, 16, 16, 3)


@pytest.mark.parametrize("name", ["val", "test", "Validation"])
def test_one_part_beside_train_is_the_test(tmp_path, name):
    class_tree(tmp_path, {"train/a": 20, "train/b": 10, f"{name}/a": 2, f"{name}/b": 1})
    task = class_folders(tmp_path)
    assert sizes(task) == [27, 3, 3]
    assert np.bincount(task.validation.labels).tolist() == [2, 1]
    assert any("taken for validation" in note for note in task.notes)


def test_a_folder_without_parts_is_split_by_seed(tmp_path):
    class_tree(tmp_path, {"a": 20, "b": 10})
    task = class_folders(tmp_path, seed=1)
    assert sizes(task) == [21, 3, 6]
    parts = [part[:, 0, 0].tolist() for part in _all_parts_at(task, 1)]
    assert len({tuple(p) for part in parts for p in part}) == 30
    again = class_folders(tmp_path, seed=1)
    np.testing.assert_array_equal(task.test.at(1), again.test.at(1))
    assert not np.array_equal(task.test.at(1), class_folders(tmp_path, seed=2).test.at(1))


def test_pictures_are_their_central_square(tmp_path):
    class_tree(tmp_path, {"a": 4, "b": 4})
    noise(tmp_path / "a" / "000.png", (20, 10))
    task = class_folders(tmp_path)
    for part in (task.train, task.validation, task.test):
        assert part.at(10).shape[1:] == (10, 10, 3)
    (pictures, labels) = next(task.train.batches(24, 3, seed=0, augment=True))
    assert pictures.shape == (3, 24, 24, 3)
    assert labels.dtype == np.int32


def test_grey_on_request(tmp_path):
    task = class_folders(class_tree(tmp_path, {"a": 4, "b": 4}), colors=1)
    assert task.colors == 1
    assert task.train.at(8).shape[3] == 1


def test_a_class_with_one_picture_is_trained_on(tmp_path):
    task = class_folders(class_tree(tmp_path, {"a": 10, "b": 1}))
    assert sizes(task) == [8, 1, 2]
    assert 1 in task.train.labels
    assert "test has no pictures of 1 classes: b" in task.notes


def test_names_that_are_no_pictures_are_left_out_and_counted(tmp_path):
    class_tree(tmp_path, {"a": 4, "b": 4})
    for name in ("a/notes.txt", "b/Thumbs.db", "a/.hidden.png", "LICENSE.txt"):
        (tmp_path / name).write_text("no picture")
    task = class_folders(tmp_path)
    assert sum(sizes(task)) == 8
    assert any(
        "2 files that are no pictures by their names" in note and "notes.txt" in note for note in task.notes
    )


def test_pictures_in_folders_below_a_class_count(tmp_path):
    class_tree(tmp_path, {"train/a/images": 4, "train/b/images": 4, "val/a": 1, "val/b": 1})
    assert sizes(class_folders(tmp_path)) == [6, 2, 2]


def test_the_first_bad_file_is_named_and_the_others_counted(tmp_path):
    class_tree(tmp_path, {"train/a": 5, "train/b": 5, "test/a": 2, "test/b": 2})
    (tmp_path / "train/a/003.png").write_bytes(b"broken")
    (tmp_path / "train/b/001.png").write_bytes(b"")
    cut = noise(tmp_path / "test/b/000.png")
    cut.write_bytes(cut.read_bytes()[:-100])
    with pytest.raises(
        InputError, match=r"train/a/003\.png is no picture.*so are 2 more of 14 files; mend or remove them"
    ):
        class_folders(tmp_path)


def test_a_single_bad_file(tmp_path):
    class_tree(tmp_path, {"a": 5, "b": 5})
    (tmp_path / "a/003.png").write_bytes(b"broken")
    with pytest.raises(InputError, match=r"003\.png is no picture[^;]*; mend or remove it"):
        class_folders(tmp_path)


def test_what_does_not_fit_in_memory_is_decoded_each_time(tmp_path, monkeypatch):
    class_tree(tmp_path, {"a": 8, "b": 8})
    whole = class_folders(tmp_path)
    expected = list(islice(whole.train.batches(16, 5, seed=0, augment=True), 4))
    monkeypatch.setattr("tvm_patch.nas.data.store.KEPT_BYTES", 3 * 40 * 30 * 3)
    monkeypatch.setattr("tvm_patch.nas.data.samples.KEPT_BYTES", 0)
    task = class_folders(tmp_path)
    for (a, b), (c, d) in zip(expected, task.train.batches(16, 5, seed=0, augment=True), strict=False):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)
    np.testing.assert_array_equal(task.test.at(20), whole.test.at(20))
    broken = tmp_path / "a/001.png"
    broken.write_bytes(b"gone bad meanwhile")
    with pytest.raises(InputError, match=r"001\.png is no picture"):
        _all_parts_at(task, 4)


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({}, "has 0 folders of classes"),
        ({"a": 3}, "has 1 folders of classes"),
        ({"train/a": 3, "test/a": 3}, "train has 1 folders"),
        ({"test/a": 3, "test/b": 3}, "has test but no train"),
        (
            {"train/a": 3, "train/b": 3, "test/a": 1, "test/c": 1},
            "test/c is a class of test that train does not have",
        ),
        ({"train/a": 3, "train/b": 3, "val/a": 1, "valid/a": 1}, "for one part; keep one"),
        ({"a": 1, "b": 1}, "too few pictures to take some for test"),
    ],
)
def test_folders_that_are_no_sets_are_refused(tmp_path, tree, message):
    with pytest.raises(InputError, match=message):
        class_folders(class_tree(tmp_path, tree))


def test_an_empty_class_is_named(tmp_path):
    class_tree(tmp_path, {"a": 3, "b": 3})
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "list.txt").write_text("")
    with pytest.raises(InputError, match=r"/c has no pictures"):
        class_folders(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        class_folders(tmp_path / "nowhere")


def pack(folder, archive):
    with zipfile.ZipFile(archive, "w") as packed:
        for file in sorted(folder.rglob("*")):
            packed.write(file, file.relative_to(folder.parent))
    return archive


def test_an_archive_is_unpacked_once(tmp_path, monkeypatch):
    monkeypatch.setenv("TVM_PATCH_CACHE", str(tmp_path / "cache"))
    folder = class_tree(tmp_path / "set", {"train/a": 6, "train/b": 6, "test/a": 2, "test/b": 2})
    archive = pack(folder, tmp_path / "packed.zip")
    task = class_folders(archive)
    assert task.name == "packed"
    np.testing.assert_array_equal(task.test.at(8), class_folders(folder).test.at(8))
    (unpacked,) = (tmp_path / "cache" / "data").iterdir()
    before = unpacked.stat().st_mtime_ns
    class_folders(archive)
    assert [p.stat().st_mtime_ns for p in (tmp_path / "cache" / "data").iterdir()] == [before]


def test_a_broken_archive_is_refused_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("TVM_PATCH_CACHE", str(tmp_path / "cache"))
    archive = pack(class_tree(tmp_path / "set", {"a": 6, "b": 6}), tmp_path / "packed.zip")
    data = bytearray(archive.read_bytes())
    data[60:90] = bytes(30)
    archive.write_bytes(data)
    with pytest.raises(InputError, match=r"packed\.zip is a broken zip"):
        class_folders(archive)
    assert list((tmp_path / "cache" / "data").iterdir()) == []
    archive.write_text("no archive")
    with pytest.raises(InputError, match="neither a folder nor a zip"):
        class_folders(archive)
    with pytest.raises(InputError, match="neither a folder nor a zip"):
        class_folders(paint(tmp_path / "a.png"))


def test_clothing10_as_it_is(tmp_path, monkeypatch):
    archive = SHARED / "datasets" / "clothing10.zip"
    if not archive.is_file():
        pytest.skip(f"no data sets at {archive.parent}; set TVM_PATCH_SHARED")
    monkeypatch.setenv("TVM_PATCH_CACHE", str(tmp_path))
    with zipfile.ZipFile(archive) as packed:
        few = tmp_path / "few"
        for number, name in enumerate(packed.namelist()):
            if number % 20 == 0 and name.endswith(".jpg"):
                packed.extract(name, few)
    task = class_folders(few)
    assert len(task.classes) == 10
    assert sum(sizes(task)) == sum(1 for _ in few.rglob("*.jpg")) > 180
    assert 100 < task.train.at(32).mean() < 250
