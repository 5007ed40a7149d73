"""``tvm-patch tune``, and the options that use what it found."""

from __future__ import annotations

import json

import pytest

from tests.unit.tuning.networks import block
from tvm_patch.driver import tune as tuning


@pytest.fixture
def network(tmp_path):
    path = tmp_path / "block.tflite"
    path.write_bytes(block())
    return path


@pytest.fixture
def search(monkeypatch):
    """Costs without a board: fewer sums in registers cost more."""

    def build(self, text, configs):
        for config in configs:
            cost = 1000 // config.get("outputs", config.get("pixels", 1)) + config.get("block", 1)
            self.outcomes[tuning.key_of(text, config)] = cost

    monkeypatch.setattr(tuning.Bench, "build", build)


@pytest.mark.slow
def test_tune(command, network, search, tmp_path):
    pytest.importorskip("xgboost")
    report = tmp_path / "report.json"
    code, out, err = command("tune", network, "--database", tmp_path / "tuned", "--json", report)
    assert (code, err) == (0, "")
    assert "cycles in operators that can be tuned" in out
    document = json.loads(report.read_text())
    assert document["after"] <= document["before"]
    assert document["trials"] == document["measured"] == sum(t["candidates"] for t in document["tasks"])


@pytest.mark.slow
def test_compile_with_what_was_found(command, network, search, tmp_path):
    pytest.importorskip("xgboost")
    command("tune", network, "--database", tmp_path / "tuned", "--quiet")
    options = ("--board", "qemu_m7", "--database", tmp_path / "tuned", "--prefer", "speed")
    code, _, err = command("compile", network, "-o", tmp_path / "c", *options)
    assert (code, err) == (0, "")
    assert json.loads((tmp_path / "c" / "metadata.json").read_text())["prefer"] == "speed"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tune", "no.tflite"], "error: no.tflite does not exist; give a .tflite file"),
        (["tune", "{model}", "--board", "host"], "error: host does not count instructions; tune for qemu_m7"),
        (["tune", "{model}", "--trials", "0"], "error: Invalid value for '--trials'"),
        (["tune", "{model}", "--database", "{model}"], "error: cannot make the folder"),
        (
            ["compile", "{model}", "-o", "out", "--board", "qemu_m7", "--database", "none"],
            "make a database with",
        ),
        (["compile", "{model}", "-o", "out", "--prefer", "beauty"], "error: Invalid value for '--prefer'"),
    ],
)
def test_mistakes_are_one_line_and_2(command, network, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = command(*(a.replace("{model}", str(network)) for a in arguments))
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_without_xgboost(command, network, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "xgboost", None)
    code, _, err = command("tune", network, "--database", tmp_path / "tuned")
    assert code == 2
    assert "pip install 'tvm-patch[tune]'" in err
