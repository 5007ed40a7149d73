"""Firmware templates with more in them: hooks of instrumenting options, interrupts."""

from __future__ import annotations

import shutil
from pathlib import Path

from microtvm_project.linker import TEMPLATES

SOURCES = Path(__file__).parent / "harness"


def templates_with(folder: Path, *names: str) -> Path:
    """Copy the templates to `folder`, with further C files for emulated boards."""
    shutil.copytree(TEMPLATES, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in names:
        shutil.copy(SOURCES / name, folder / "qemu")
    return folder
