"""Artifacts that projects are made from."""

from __future__ import annotations

from pathlib import Path

import pytest

import tvm_patch
from tests.unit.codegen.networks import small_network


@pytest.fixture(scope="session")
def small_model(tmp_path_factory) -> Path:
    """A .tflite file that the project builds itself."""
    file = tmp_path_factory.mktemp("model") / "small.tflite"
    file.write_bytes(small_network())
    return file


@pytest.fixture(scope="session")
def small_artifact(small_model) -> Path:
    """Its artifact, which is also there as a .tar."""
    return tvm_patch.compile(small_model, board="qemu_m7", name="small").save(small_model.parent / "small")


@pytest.fixture(scope="session")
def streamed_artifact(small_model) -> Path:
    """The same with an input that comes row by row."""
    artifact = tvm_patch.compile(small_model, board="qemu_m7", name="rows", input_mode="streamed")
    return artifact.save(small_model.parent / "rows")
