"""The Zephyr application lists the firmware's files; the bare builds take all of them."""

from __future__ import annotations

from pathlib import Path

TEMPLATES = Path(__file__).parents[3] / "microtvm_project" / "templates"


def test_zephyr_builds_every_file_of_the_firmware() -> None:
    listed = (TEMPLATES / "zephyr" / "CMakeLists.txt").read_text()
    files = {f.name for f in (TEMPLATES / "firmware").glob("*.c")} - {"main.c"}
    assert files
    assert {name for name in files if f"src/{name}" not in listed} == set()
