"""Artifacts that are damaged, forged or of another model: refused like all bad input."""

from __future__ import annotations

import io
import json
import os
import tarfile

import pytest

from tests.unit.codegen.networks import small_network


def test_reference_of_another_model(refused, artifact, tmp_path):
    other = tmp_path / "other.tflite"
    other.write_bytes(small_network(classes=4))
    line = refused("run", artifact, "--check", "--model", other)
    assert line.startswith(f"error: {artifact} was compiled from another model than {other}; give the file")


def edit(folder, **changes):
    path = folder / "metadata.json"
    document = json.loads(path.read_text())
    for key, value in changes.items():
        if value is None:
            del document[key]
        else:
            document[key] = value
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"inputs": None}, "no 'inputs'"),
        ({"scheme": None}, "no 'scheme'"),
        ({"segments": 3}, "'segments' of it is 3"),
        ({"inputs": [3]}, "an entry of inputs is not an object"),
        ({"model_outputs": []}, "outputs and model_outputs have different lengths"),
        ({"arena_bytes": "many"}, "'arena_bytes' of it is 'many'"),
        ({"arena_bytes": 3}, "lies outside the arena"),
        ({"sources": ["codegen/gone.c"]}, "lacks its source 'codegen/gone.c'"),
        ({"format_version": 99}, "has format version 99"),
        ({"format_version": None}, "no 'format_version'"),
    ],
)
def test_metadata(refused, artifact, changes, part):
    edit(artifact, **changes)
    line = refused("run", artifact)
    assert part in line
    assert line.endswith("compile the model again")


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff\xfe", b"null", b'"x"'])
def test_metadata_that_is_no_document(refused, artifact, text):
    (artifact / "metadata.json").write_bytes(text)
    line = refused("run", artifact)
    assert line.startswith(f"error: {artifact}/metadata.json is damaged: ")
    assert line.endswith("compile the model again")


def test_folder_that_is_no_artifact(refused, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "is not an artifact: it has no metadata.json; make one with" in refused("run", tmp_path / "empty")


@pytest.mark.parametrize("part", [0.0, 0.01, 0.3, 0.7])
def test_truncated_archive(refused, artifact, part):
    path = artifact.with_name("artifact.tar")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    assert "artifact.tar is not " in refused("run", path)


def test_archive_cut_between_members(refused, artifact):
    """Nothing in it is damaged, yet files are missing that no list names."""
    path = artifact.with_name("artifact.tar")
    with tarfile.open(path) as archive:
        last = archive.getmembers()[-1]
    data = path.read_bytes()
    for kept in (last.offset, last.offset_data, last.offset_data + last.size):
        path.write_bytes(data[:kept])
        assert "artifact.tar is not " in refused("run", path)


@pytest.mark.parametrize("name", ["../../escaped.c", "/tmp/escaped.c", "codegen/../../escaped.c"])
def test_archive_that_leaves_its_folder(refused, artifact, name):
    path = artifact.with_name("artifact.tar")
    with tarfile.open(path, "a") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = 4
        archive.addfile(entry, io.BytesIO(b"evil"))
    assert f"has the member {name!r}, which leaves the artifact" in refused("run", path)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_archive_of_links(refused, artifact, kind):
    path = artifact.with_name("artifact.tar")
    with tarfile.open(path, "a") as archive:
        entry = tarfile.TarInfo("codegen/link")
        entry.type, entry.linkname = kind, "/etc/passwd"
        archive.addfile(entry)
    line = refused("run", path)
    assert "has the member 'codegen/link', which " in line
    assert ("is a link" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else "is no file") in line


@pytest.mark.parametrize("words", [["run"], ["project", "create", "-t", "c", "-o", "project"]])
@pytest.mark.parametrize("kind", ["file", "folder", "pipe"])
def test_folder_with_what_is_no_file(refused, artifact, words, kind, monkeypatch):
    """What a link leads to is not ours to read, and a pipe may never end."""
    monkeypatch.chdir(artifact.parent)
    strange = artifact / "codegen" / "strange"
    if kind == "pipe":
        os.mkfifo(strange)
    else:
        strange.symlink_to("/etc/passwd" if kind == "file" else "/etc")
    line = refused(words[0], *words[1:2], artifact, *words[2:])
    assert "has the member 'codegen/strange', which " in line
    assert ("is no file" if kind == "pipe" else "is a link") in line


@pytest.mark.parametrize("words", [["run"], ["project", "create", "-t", "c", "-o", "project"]])
@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda d: d["inputs"][0].update(scale=float("nan")), "has scale nan"),
        (lambda d: d["outputs"][0].update(scale=float("inf")), "has scale inf"),
        (lambda d: d["model_inputs"][0].update(scale=-1.0), "has scale -1.0"),
        (lambda d: d["model_inputs"][0].update(shape=[1, 7]), "model_inputs says [1, 7]"),
        (lambda d: d["model_inputs"][0].update(shape=[-1, -1]), "model_inputs says [-1, -1]"),
        (lambda d: d["inputs"][0].update(zero_point=2**70), f"zero point {2**70}"),
        (lambda d: d.update(arena_bytes=-8), "a size that nothing can have"),
        (lambda d: d.update(arena_bytes=2**62), "a size that nothing can have"),
        (lambda d: d.update(macs=2**70), "a size that nothing can have"),
    ],
)
def test_numbers_that_nothing_can_have(refused, artifact, words, change, part, monkeypatch):
    monkeypatch.chdir(artifact.parent)
    path = artifact / "metadata.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    assert part in refused(words[0], *words[1:2], artifact, *words[2:])


@pytest.mark.parametrize("words", [["run"], ["project", "create", "-t", "c", "-o", "project"]])
def test_metadata_nested_without_end(refused, artifact, words, monkeypatch):
    monkeypatch.chdir(artifact.parent)
    (artifact / "metadata.json").write_text("[" * 100_000 + "]" * 100_000)
    assert "nested too deep" in refused(words[0], *words[1:2], artifact, *words[2:])


def test_sound_artifact_still_runs(command, artifact, net):
    """The tests above refuse because of what they damage, not because of something else."""
    assert command("run", artifact, "-q")[0] == 0
    assert command("run", artifact.with_name("artifact.tar"), "-q")[0] == 0
    pytest.importorskip("ai_edge_litert")
    assert command("run", artifact, "-q", "--check", "--model", net)[0] == 0
