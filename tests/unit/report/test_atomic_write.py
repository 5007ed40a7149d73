import os

import pytest

from tvm_patch.errors import UserError
from tvm_patch.report.atomic import check_can_write, write_bytes, write_text


def test_replaces_in_one_step(tmp_path):
    path = tmp_path / "r.json"
    write_text(path, "één")
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["r.json"]
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_failure_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "r.json"
    path.write_text("old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(UserError, match="No space left on device"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["r.json"]


def test_refused_before_any_work(tmp_path):
    with pytest.raises(UserError, match="is a folder"):
        check_can_write(tmp_path)
    with pytest.raises(UserError, match="does not exist; make it first"):
        check_can_write(tmp_path / "no" / "r.json")
