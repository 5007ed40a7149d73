from __future__ import annotations

from math import inf

import numpy as np

from tvm_patch.redistribution.early import network_of
from tvm_patch.redistribution.receptive_field import fields_of
from tvm_patch.tflite.builder import ModelBuilder


def fields(build):
    """Return the receptive fields of what `build(builder, x)` adds to an input of 1×9×9×1."""
    b = ModelBuilder()
    for output in build(b, b.input("x", (1, 9, 9, 1), 0.05, -3)):
        b.output(output)
    return fields_of(network_of(b.finish()).graph)


def conv(b, x, channels, kernel, name):
    weight = np.ones((channels, kernel, kernel, b.shape(x)[3]), np.int8)
    bias = np.zeros(channels, np.int32)
    return b.conv2d(x, weight, bias, 0.01, 0.05, -3, padding="VALID", name=name)


def test_branches():
    def build(b, x):
        first = conv(b, x, 4, 3, "a")
        left = conv(b, first, 2, 3, "b")
        right = b.max_pool2d(first, (2, 2), stride=1, padding="VALID", name="c")
        return [left, conv(b, right, 1, 1, "d")]

    found = fields(build)
    sizes = {"x": (1, 1), "a": (3, 3), "b": (5, 5), "c": (4, 4), "d": (4, 4)}
    assert {name: found[name].size for name in sizes} == sizes


def test_strides_multiply():
    def build(b, x):
        half = b.average_pool2d(x, (2, 3), stride=(2, 1), padding="VALID", name="h")
        return [conv(b, half, 2, 3, "y")]

    found = fields(build)
    assert (found["h"].size, found["h"].jump) == ((2, 3), (2, 1))
    assert found["y"].size == (2 + 2 * 2, 3 + 2)


def test_global_operators_see_everything():
    found = fields(lambda b, x: [b.mean(x, [1, 2], 0.05, -3, name="m")])
    assert found["m"].size == (inf, inf)


def test_pad_is_a_local_operator():
    found = fields(lambda b, x: [b.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], name="p")])
    assert found["p"].size == (1, 1)
