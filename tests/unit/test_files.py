"""Files are replaced whole; what is no regular file is written into and stays what it is."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tvm_patch.errors import UserError
from tvm_patch.files import check_can_write, write_bytes, write_text


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


def test_permissions_of_what_was_there_stay(tmp_path):
    path = tmp_path / "r.json"
    path.write_text("old")
    path.chmod(0o600)
    write_text(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("there", [True, False], ids=["to a file", "to nothing yet"])
def test_a_link_stays_a_link(tmp_path, there):
    (tmp_path / "far").mkdir()
    target, link = tmp_path / "far" / "r.json", tmp_path / "link"
    if there:
        target.write_text("old")
    link.symlink_to(target)
    write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert os.listdir(tmp_path / "far") == ["r.json"]


def test_a_pipe_is_written_into(tmp_path):
    path, read = tmp_path / "pipe", []
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: read.append(path.read_text()))
    reader.start()
    write_text(path, "through")
    reader.join(10)
    assert read == ["through"]
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_devices_are_written_into():
    write_text(Path("/dev/null"), "gone")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    with pytest.raises(UserError, match="cannot write /dev/full: No space left on device"):
        write_text(Path("/dev/full"), "x")


PROGRAM = """
import sys
from pathlib import Path
from tvm_patch.files import write_text
print("before")
write_text(Path(sys.argv[1]), "written\\n")
print("after")
"""


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
@pytest.mark.parametrize("to", ["pipe", "file"])
def test_standard_output_by_name(tmp_path, name, to):
    """In order, whatever is behind it; as root in a container the link itself was replaced once."""
    command = [sys.executable, "-c", PROGRAM, name]
    if to == "pipe":
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    else:
        with (tmp_path / "out").open("w") as out:
            subprocess.run(command, stdout=out, check=True)
        printed = (tmp_path / "out").read_text()
    assert printed == "before\nwritten\nafter\n"
    assert os.path.islink("/dev/stdout")


def test_a_descriptor_that_nobody_reads(tmp_path):
    read, write = os.pipe()
    os.close(read)
    with pytest.raises(BrokenPipeError):
        write_text(Path(f"/dev/fd/{write}"), "x")
    os.close(write)
