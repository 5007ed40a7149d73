"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
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


@pytest.fixture(scope="session", autouse=True)
def no_emulator(request: pytest.FixtureRequest) -> Iterator[None]:
    """With ``--without-emulator``, skip what asks for QEMU, at the moment when it does."""
    if not request.config.getoption("--without-emulator"):
        yield
        return
    from microtvm_project.runners import qemu

    find = qemu.find_tool
    qemu.find_tool = lambda name, path=None: pytest.skip("needs QEMU")  # type: ignore[assignment]
    yield
    qemu.find_tool = find


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the flags that rewrite recorded C, and that leave QEMU out."""
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")
    parser.addoption("--without-emulator", action="store_true", help="skip tests that run QEMU")
