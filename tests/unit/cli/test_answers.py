"""What `run` shows and saves of a network's outputs."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest

from tests.metadata import tensor
from tests.unit.codegen.networks import small_network
from tvm_patch.cli.answers import labels_in, read_labels
from tvm_patch.errors import InputError
from tvm_patch.report.answer import answers

SCORES = tensor("scores", (1, 4), zero_point=-10)
BOXES = tensor("boxes", (1, 3, 4))
INDEX = tensor("index", (1,), dtype="int64", scale=0.0)


def test_scores_are_real_numbers_from_the_highest_on():
    (found,) = answers([SCORES], [np.array([[-10, 20, -20, 20]], np.int8)], ["a", "b", "c", "d"])
    assert [(s.label, s.index, s.score) for s in found.highest] == [
        ("b", 1, 15.0),
        ("d", 3, 15.0),
        ("a", 0, 0.0),
        ("c", 2, -5.0),
    ]


def test_other_outputs_show_their_first_numbers():
    boxes, index = answers([BOXES, INDEX], [np.arange(12, dtype=np.int8).reshape(1, 3, 4), np.array([7])])
    assert boxes.first == [0.5 * i for i in range(8)]
    assert index.first == [7]
    assert not boxes.highest


def test_labels_of_another_number_are_not_used():
    (found,) = answers([SCORES], [np.zeros((1, 4), np.int8)], ["a", "b"])
    assert {s.label for s in found.highest} == {None}


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("cat\ndog\n", ["cat", "dog"]),
        ("0 cat\n1 dog", ["cat", "dog"]),
        ("0: cat\n1: big dog\n\n", ["cat", "big dog"]),
        ("3 cats\n1 dog", ["3 cats", "1 dog"]),
        ("\ufeffcat\r\ndog", ["cat", "dog"]),
    ],
)
def test_label_files(tmp_path, text, labels):
    (tmp_path / "labels.txt").write_text(text, encoding="utf-8")
    assert read_labels(tmp_path / "labels.txt") == labels


def test_label_files_that_are_none(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        read_labels(tmp_path / "no.txt")
    (tmp_path / "labels.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a text file of labels"):
        read_labels(tmp_path / "labels.txt")


def packed(model: bytes, **files: str) -> bytes:
    buffer = io.BytesIO(model)
    with zipfile.ZipFile(buffer, "a") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.txt", text)
    return buffer.getvalue()


def test_labels_that_the_model_carries():
    model = small_network()
    assert labels_in(model) == []
    assert labels_in(packed(model, labels="a\nb\n")) == ["a", "b"]
    assert labels_in(packed(model, labels="a\nb\n", vocabulary="x")) == []
    whole = packed(model, labels="a\nb\n")
    for cut in range(1, 120, 7):
        labels_in(whole[:-cut])


@pytest.fixture
def pictured(tmp_path):
    model = tmp_path / "net.tflite"
    model.write_bytes(packed(small_network(), labels="ant\nbee\ncow\ndog\neel\n"))
    np.save(tmp_path / "x.npy", np.full((1, 9, 7, 3), 9, np.int8))
    return model, tmp_path / "x.npy"


def test_run_shows_the_answer(command, pictured, tmp_path):
    model, given = pictured
    code, out, err = command("run", model, "--input", given)
    assert code == 0, err
    assert "softmax_7 1×5 int8" in out
    assert all(animal in out for animal in ("ant", "bee", "cow", "dog", "eel"))
    (tmp_path / "l.txt").write_text("A\nB\nC\nD\nE")
    _, out, _ = command("run", model, "--input", given, "--labels", tmp_path / "l.txt", "--json", "-")
    (answer,) = json.loads(out)["answers"]
    assert {s["label"] for s in answer["highest"]} == set("ABCDE")
    scores = [s["score"] for s in answer["highest"]]
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(1, abs=0.02)


def test_random_inputs_have_no_answer(command, pictured):
    _, out, _ = command("run", pictured[0], "--json", "-")
    assert json.loads(out)["answers"] == []


@pytest.mark.parametrize("suffix", ["npy", "npz", "json"])
def test_outputs_are_saved(command, pictured, tmp_path, suffix):
    model, given = pictured
    file = tmp_path / f"out.{suffix}"
    code, _, err = command("run", model, "--input", given, "--output", file, "-q")
    assert code == 0, err
    if suffix == "json":
        (entry,) = json.loads(file.read_text())
        assert (entry["name"], entry["dtype"], entry["shape"]) == ("softmax_7", "int8", [1, 5])
        values = np.array(entry["values"])
    else:
        loaded = np.load(file)
        values = loaded if suffix == "npy" else loaded["softmax_7"]
    assert values.shape == (1, 5)
    assert sum((values.astype(int) + 128).ravel()) == pytest.approx(256, abs=4)


def test_bad_options(command, pictured, tmp_path):
    model, _ = pictured
    for options, message in (
        (["--output", tmp_path / "x.txt"], "end it in .npy, .npz or .json"),
        (["--output", tmp_path / "no" / "x.npy"], "does not exist"),
        (["--labels", tmp_path / "no.txt"], "cannot read"),
    ):
        code, _, err = command("run", model, *options)
        assert (code, message in err) == (2, True), err
    (tmp_path / "l.txt").write_text("A\nB")
    code, _, err = command("run", model, "--labels", tmp_path / "l.txt")
    assert code == 2
    assert "has 2 labels, but the outputs have other numbers of scores: softmax_7 5" in err


def test_check_without_an_oracle(command, driver, model):
    driver.refusal = "no oracle: LiteRT says no"
    code, out, _ = command("run", model, "--check")
    assert code == 1
    assert "not checked" in out
    assert "LiteRT says no" in out
    _, out, _ = command("run", model, "--check", "--json", "-")
    report = json.loads(out)
    assert report["bit_exact"] is None
    assert report["oracle_refusals"] == ["no oracle: LiteRT says no"]


def test_check_says_how_far_the_default_kernels_are(command, driver, model):
    _, out, _ = command("run", model, "--check")
    assert "LiteRT's default kernels: up to 2 steps away" in out
