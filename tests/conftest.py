"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("TVM_PATCH_SHARED", ROOT.parent / "shared"))


@pytest.fixture(scope="session")
def shared_models() -> Path:
    """Folder of real networks; the test is skipped where it is absent."""
    folder = SHARED / "models"
    if not folder.is_dir():
        pytest.skip(f"no real networks at {folder}; set TVM_PATCH_SHARED")
    return folder


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the flag that rewrites recorded C."""
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")
