import json

import pytest

from tests.unit.nas.records import random_architecture
from tvm_patch.errors import UserError
from tvm_patch.nas.architecture import Architecture


@pytest.mark.parametrize("seed", range(20))
def test_json_and_back(seed, tmp_path):
    architecture = random_architecture(seed)
    path = architecture.save(tmp_path / "a.json")
    loaded = Architecture.load(path)
    assert loaded == architecture
    assert hash(loaded) == hash(architecture)


def test_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        random_architecture(0).stem = 8


def _changed(**fields):
    return json.dumps({**json.loads(random_architecture(0).to_json()), **fields})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "format: not an architecture"),
        (_changed(format="tvm-patch plan"), "format: not an architecture"),
        (_changed(version=2), "version: 2 is not known"),
        (_changed(version=True), "version: True is not known"),
        (_changed(stem=12), "stem: input should be a multiple of 8"),
        (_changed(resolution=True), "resolution: input should be a valid integer"),
        (_changed(resolution=96.0), "resolution: input should be a valid integer"),
        (_changed(blocks=[]), "blocks: tuple should have at least 1 item"),
        (
            _changed(blocks=[{"channels": 16, "kernel": 4}]),
            r"blocks\[0\].kernel: value error, kernel is 4: it must be odd",
        ),
        (_changed(blocks=[{"channels": 16, "expand": float("nan")}]), r"blocks\[0\].expand"),
        (
            _changed(blocks=[{"channels": 16, "width": 2}]),
            r"blocks\[0\].width: extra inputs are not permitted",
        ),
        (_changed(classes=0), "classes: input should be greater than or equal to 1"),
    ],
)
def test_bad_records_name_the_field(text, message):
    with pytest.raises(UserError, match=message):
        Architecture.from_json(text)


def test_files_that_are_none(tmp_path):
    with pytest.raises(UserError, match="cannot read"):
        Architecture.load(tmp_path / "none.json")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="not UTF-8"):
        Architecture.load(tmp_path / "bytes")
