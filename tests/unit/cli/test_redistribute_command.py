"""``tvm-patch redistribute`` on small models."""

from __future__ import annotations

import json

import pytest

from tests.unit.redistribution.mobile import mobile_network
from tvm_patch.tflite.reader import read_model
from tvm_patch.tflite.writer import write_model
from tvm_patch.zoo.registry import build

LAYERS = ("--layers", "13", "--patches", "4")


@pytest.fixture(scope="module")
def mobile():
    return write_model(mobile_network(64))


@pytest.fixture
def path(tmp_path, mobile):
    path = tmp_path / "mobile.tflite"
    path.write_bytes(mobile)
    return path


def test_search(command, path, tmp_path):
    made = tmp_path / "made.tflite"
    code, out, err = command("redistribute", path, "-o", made, "--search", *LAYERS, "--json", "-")
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert (report["recipe"], report["patches"], report["before"]["layers"]) == (None, 4, 13)
    assert report["after"]["overhead"] < report["before"]["overhead"]
    assert abs(report["after"]["macs"] / report["before"]["macs"] - 1) <= 0.05
    assert {e["kind"] for e in report["edits"]} <= {"SetKernel", "RemoveBlock", "InsertBlock"}
    assert all(e["tensor"] and e["tensor"] in e["text"] for e in report["edits"])
    assert len(read_model(made).operators) > 0


def test_recipe_as_a_table(command, tmp_path):
    path, made = tmp_path / "mbv2.tflite", tmp_path / "made.tflite"
    path.write_bytes(write_model(build("mobilenet_v2", width=0.35, resolution=96, classes=2)))
    code, out, err = command("redistribute", path, "-o", made, "--recipe", "mobilenetv2-rd", "--layers", "13")
    assert (code, err) == (0, "")
    assert "input that a patch reads" in out
    assert "MACs" in out
    assert command("inspect", made, "-q") == (0, "", "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "give either --recipe NAME or --search"),
        (("--search", "--recipe", "mobilenetv2-rd"), "give either --recipe NAME or --search"),
        (("--recipe", "mobilenetv3"), "no recipe mobilenetv3; there are mobilenetv2-rd"),
        (("--recipe", "mobilenetv2-rd", *LAYERS), "recipe mobilenetv2-rd wants"),
        (("--search", "--layers", "0"), "Invalid value for '--layers'"),
        (("--search", "--layers", "900"), "layers are impossible"),
        (("--search", "--layers", "1", "--patches", "2"), "can be shrunk; give --layers a larger number"),
        (("--search", "--layers", "13", "--patches", "77"), "cannot be cut into 77 patches"),
        (("--search", "--json", "/no/such/folder/r.json"), "make it first"),
    ],
)
def test_mistakes(refused, path, tmp_path, options, message):
    assert message in refused("redistribute", path, "-o", tmp_path / "made.tflite", *options)


def test_unwritable_output(refused, path):
    assert "make it first" in refused("redistribute", path, "-o", "/no/such/folder/made.tflite", "--search")
    assert "Missing option" in refused("redistribute", path, "--search")


@pytest.mark.parametrize("name", ["mlperf_kws", "mlperf_ic"])
def test_no_residual_blocks(refused, tmp_path, name):
    path = tmp_path / "net.tflite"
    path.write_bytes(write_model(build(name)))
    line = refused("redistribute", path, "-o", tmp_path / "made.tflite", "--search")
    assert "has no inverted residual block" in line


def test_broken_model(refused, tmp_path):
    path = tmp_path / "net.tflite"
    assert "does not exist" in refused("redistribute", path, "-o", tmp_path / "m.tflite", "--search")
    path.write_bytes(b"not a model")
    assert "TFL3" in refused("redistribute", path, "-o", tmp_path / "m.tflite", "--search")
