"""Operators that differ only in numbers share their C functions."""

from __future__ import annotations

import re

import numpy as np
import pytest

import tvm_patch
from tvm_patch import driver
from tvm_patch.oracle import Oracle
from tvm_patch.tflite.builder import ModelBuilder
from tvm_patch.tflite.writer import write_model

pytestmark = pytest.mark.slow


def chain(kernels, width: int = 12) -> bytes:
    """Return convolutions ``("1x1" or "depthwise", channels)`` one after another."""
    rng = np.random.default_rng(0)
    b = ModelBuilder("chain")
    x = b.input("image", (1, 10, width, 8), scale=0.05, zero_point=-128)
    for kind, channels in kernels:
        shape = (channels, 1, 1, b.shape(x)[3]) if kind == "1x1" else (1, 3, 3, channels)
        weight = rng.integers(-127, 128, shape).astype(np.int8)
        bias, scale = rng.integers(-500, 500, channels).astype(np.int32), rng.uniform(1e-3, 2e-3, channels)
        build = b.conv2d if kind == "1x1" else b.depthwise_conv2d
        x = build(x, weight, bias, scale, 0.05, -128, activation="RELU")
    b.output(x)
    return write_model(b.finish())


def printed(model: bytes) -> str:
    artifact = tvm_patch.compile(model, board="qemu_m7", name="chain")
    return artifact.contents.files["codegen/host/src/chain_lib0.c"].decode()


def definitions(text: str, stem: str) -> set[str]:
    """Return the names of the functions that are defined, without their digests."""
    return set(re.findall(rf"^static TVMP_\w+ void (tvmp_{stem}\w*)\(", text, re.MULTILINE))


def test_pointwise_convolutions_of_different_sizes_share_one_function():
    text = printed(chain([("1x1", 16), ("1x1", 24), ("1x1", 8)]))
    (name,) = definitions(text, "pointwise_3")
    assert text.count(f"{name}(") == 1 + 3


def test_a_pointwise_convolution_of_whole_tensors_is_one_row():
    text = printed(chain([("1x1", 16)]))
    (call,) = re.findall(r"  tvmp_pointwise_3\w*\((.*)\);", text)
    assert call.split(", ")[4:8] == ["120", "2", "8", "16"]  # pixels, fours of inputs, step, outputs


def test_windows_of_the_same_height_share_one_loop():
    text = printed(chain([("depthwise", 8), ("1x1", 16), ("depthwise", 16)]))
    (name,) = definitions(text, "rows_of_3")
    assert text.count(f"{name}(") == 1 + 2
    assert re.search(rf"{name}\(.*, depthwise_conv2d_row0_2, ", text)


def test_what_is_not_called_is_not_printed():
    text = printed(chain([("1x1", 16)]))
    assert not definitions(text, "rows_of")
    assert "tvmp_widen_1_" not in text


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 7])
def test_same_bits_at_any_width(width):
    assert_same_bits(chain([("1x1", 9), ("1x1", 12), ("depthwise", 12), ("1x1", 7), ("1x1", 4)], width))


def assert_same_bits(model: bytes) -> None:
    artifact = tvm_patch.compile(model, board="qemu_m7")
    given = driver.random_inputs(artifact, 1, 0)
    result = artifact.run(given, board="qemu_m7")
    with Oracle(model) as oracle:
        assert driver.check(artifact, model, given, result.outputs, oracle).bit_exact


def test_rows_that_lose_a_column_are_not_one_row():
    """A 1×2 kernel without padding: dot products like those of a 1×1 one, but shorter rows than the input's."""
    rng = np.random.default_rng(0)
    b = ModelBuilder("chain")
    x = b.input("image", (1, 5, 9, 4), scale=0.05, zero_point=-128)
    weight = rng.integers(-127, 128, (6, 1, 2, 4)).astype(np.int8)
    bias, scale = rng.integers(-500, 500, 6).astype(np.int32), rng.uniform(1e-3, 2e-3, 6)
    b.output(b.conv2d(x, weight, bias, scale, 0.05, -128, padding="VALID", activation="RELU"))
    assert_same_bits(write_model(b.finish()))


def test_columns_that_no_window_reads():
    """Stride 2 without padding over an even width: rows are longer than what is read of them."""
    rng = np.random.default_rng(0)
    b = ModelBuilder("chain")
    x = b.input("image", (1, 9, 12, 8), scale=0.05, zero_point=-128)
    weight = rng.integers(-127, 128, (1, 3, 3, 8)).astype(np.int8)
    bias, scale = rng.integers(-500, 500, 8).astype(np.int32), rng.uniform(1e-3, 2e-3, 8)
    b.output(b.depthwise_conv2d(x, weight, bias, scale, 0.05, -128, padding="VALID", stride=2))
    assert_same_bits(write_model(b.finish()))
