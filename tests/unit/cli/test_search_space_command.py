"""``tvm-patch search-space`` on a few samples of a few spaces."""

from __future__ import annotations

import json

import pytest

from tvm_patch.nas.space import Space
from tvm_patch.nas.spaces import tiny

SMALL = ("--sram", "32K", "--flash", "256K", "--samples", "3", "--workers", "1", "--classes", "10")


@pytest.fixture(autouse=True)
def family(monkeypatch):
    spaces = tuple(tiny(f"s{size}", 8, (8, 16, 24), (size,)) for size in (32, 48))
    monkeypatch.setattr("tvm_patch.nas.spaces.FAMILIES", {"mcunet": lambda *_: spaces})


@pytest.mark.parametrize("schedule", ["layers", "patches", "planner"])
def test_json_and_the_space(command, tmp_path, schedule):
    options = ("search-space", *SMALL, "--schedule", schedule, "-o", tmp_path)
    code, out, err = command(*options, "--json", "-")
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert report["schedule"] == schedule
    assert report["best"] == report["spaces"][0]
    assert len(report["grid"]) == 24
    assert Space.load(tmp_path / "space.json").name == report["best"]["name"]
    assert command(*options, "--json", "-") == (0, out, "")


def test_table_and_pictures(command, tmp_path):
    pytest.importorskip("matplotlib")
    code, out, err = command("search-space", *SMALL, "-o", tmp_path, "--plot")
    assert (code, err) == (0, "")
    assert "mean MACs of those that fit" in out
    assert "s48" in out
    for name in ("macs", "best"):
        assert (tmp_path / f"{name}-patches.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--family", "x"), "no family of spaces is named 'x'; there are mcunet"),
        (("--board", "x"), "unknown board 'x'"),
        (("--board", "host"), "host has no memories of known size"),
        (("--sram", "none"), "--sram 'none' is not a size"),
        (("--input-mode", "streamed"), "use rereadable, or no patches"),
        (("--sram", "1K", "--flash", "1K", "--samples", "2"), "none of 4 networks fits 1,024 bytes of SRAM"),
    ],
)
def test_mistakes_are_explained(command, tmp_path, options, message):
    code, out, err = command("search-space", "-o", tmp_path / "spaces", "--workers", "1", *options)
    assert (code, out) == (2, "")
    assert message in err
