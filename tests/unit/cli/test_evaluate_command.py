"""``tvm-patch evaluate`` and ``finetune`` on a tiny tree of pictures."""

from __future__ import annotations

import json

import pytest

from tests.unit.nas.data.trees import noise, paint
from tvm_patch.nas.architecture import Architecture, Bottleneck
from tvm_patch.tflite.writer import write_model

RECORD = Architecture(
    resolution=24,
    stem=8,
    blocks=(Bottleneck(channels=8, expand=1), Bottleneck(channels=16, expand=2, stride=2)),
    classes=2,
)


@pytest.fixture
def pictures(tmp_path):
    for index in range(24):
        noise(tmp_path / "pictures" / "noise" / f"{index}.png", seed=index)
        paint(tmp_path / "pictures" / "plain" / f"{index}.png", color=(10 * index, 40, 200))
    return tmp_path / "pictures"


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(write_model(RECORD.model(seed=3)))
    return path


def test_evaluate(command, model, pictures):
    asked = ("evaluate", model, "--data", pictures)
    code, out, _ = command(*asked, "--json", "-")
    assert code == 0
    report = json.loads(out)
    assert (report["classes"], report["part"], report["differing"]) == (["noise", "plain"], "test", 0)
    confusion = report["confusion"]
    assert report["pictures"] == sum(map(sum, confusion)) > 0
    assert report["accuracy"] == (confusion[0][0] + confusion[1][1]) / report["pictures"]
    assert report["recalls"] == [row[i] / sum(row) for i, row in enumerate(confusion)]
    code, out, _ = command(
        *asked, "--part", "train", "--limit", "5", "--input-mode", "streamed", "--levels", "0,1"
    )
    assert code == 0
    assert "of 5 pictures for train" in out
    assert "bit for bit on all" in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--levels", "0"), "--levels 0 is not two numbers"),
        (("--levels", "1,1"), "must be two different numbers"),
        (("--levels", "nan,1"), "must be two different numbers"),
        (("--part", "all"), "--part all is unknown"),
        (("--board", "nothing"), "nothing"),
        (("--patches", "2"), "add it"),
    ],
)
def test_mistakes(refused, model, pictures, options, message):
    assert message in refused("evaluate", model, "--data", pictures, *options)


def test_a_classifier_of_something_else(refused, tmp_path, model):
    for name in "abc":
        for index in range(6):
            paint(tmp_path / "three" / name / f"{index}.png")
    assert "3 classes do not fit" in refused("evaluate", model, "--data", tmp_path / "three")


@pytest.mark.slow
def test_finetune_and_go_on_from_its_weights(command, refused, pictures, tmp_path):
    pytest.importorskip("tensorflow", reason="needs the extra [nas]: pip install 'tvm-patch[nas]'")
    record, first = RECORD.save(tmp_path / "record.json"), tmp_path / "first"
    asked = ("finetune", record, "--data", pictures, "--preset", "smoke")
    code, out, _ = command(*asked, "-o", first, "--json", "-")
    assert code == 0
    assert json.loads(out)["accuracy"] > 0.8
    again = (*asked, "--weights", first / "network.keras", "-o", tmp_path / "again")
    code, out, _ = command(*again, "--seed", "5")
    assert code == 0
    assert "bit for bit on all" in out
    code, out, _ = command(
        "evaluate", tmp_path / "again" / "network.tflite", "--data", pictures, "--json", "-"
    )
    assert json.loads(out)["accuracy"] > 0.8
    code, _, err = command(*asked, "--bits", "4", "-o", first)
    assert code == 2
    assert "is of a training with another finish" in err, "not the result of other settings"
    code, _, err = command(*again[:-1], first)
    assert code == 2
    assert "is of a training with another weights" in err
    other = RECORD.model_copy(update={"stem": 16}).save(tmp_path / "other.json")
    message = refused("finetune", other, *again[2:-1], tmp_path / "third")
    assert "network.keras has no layer stem" in message


def test_what_cannot_be_trained(refused, pictures, tmp_path):
    pytest.importorskip("tensorflow", reason="needs the extra [nas]: pip install 'tvm-patch[nas]'")
    record = RECORD.model_copy(update={"classes": 5}).save(tmp_path / "record.json")
    asked = ("--data", pictures, "-o", tmp_path / "out")
    assert "has 2 classes and 3 channels; the architecture 5 and 3" in refused("finetune", record, *asked)
    assert "--bits 3 is unknown" in refused("finetune", record, *asked, "--bits", "3")
    (tmp_path / "no.json").write_text("{}")
    assert "not an architecture" in refused("finetune", tmp_path / "no.json", *asked)
    (tmp_path / "no.keras").write_bytes(b"nothing")
    good = RECORD.save(tmp_path / "good.json")
    assert "is no Keras model" in refused("finetune", good, *asked, "--weights", tmp_path / "no.keras")
