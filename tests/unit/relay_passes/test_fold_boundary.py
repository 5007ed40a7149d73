from __future__ import annotations

import numpy as np
import pytest
from tvm import relax

from relay_passes.fold_boundary import FoldBoundary
from relay_passes.interface import OriginalPort, interface_of
from relay_passes.pipeline import legalization_pipeline
from tests.unit.relay_passes.builders import assert_same, conv, dequantize, lookup, module, quantize, var
from tests.unit.relay_passes.models import file_of, our_import
from tvm_patch.tflite.builder import ModelBuilder

DATA = (1, 5, 6, 3)


def test_float_borders_go():
    x = var("x", DATA, "float32")

    def write(b):
        q = b.emit(quantize(x), "q")
        return [b.emit(dequantize(b.emit(conv(q), "c")), "y", True)]

    y = var("x", DATA)
    after = FoldBoundary()(module([x], write))
    assert_same(after, module([y], lambda b: [b.emit(conv(y), "c", True)]))
    (inside,), (outside,) = interface_of(after)
    assert (inside.name, inside.dtype, inside.scale, inside.zero_point) == ("x", "int8", 0.5, 3)
    assert inside.original == OriginalPort("float32", 0.0, 0)
    assert (outside.dtype, outside.scale, outside.zero_point) == ("int8", 0.25, -1)
    assert outside.original == OriginalPort("float32", 0.0, 0)


def test_float_mode_changes_nothing():
    x = var("x", DATA, "float32")
    before = module([x], lambda b: [b.emit(conv(b.emit(quantize(x), "q")), "c", True)])
    assert_same(FoldBoundary("float")(before), before)
    with pytest.raises(ValueError, match="io must be"):
        FoldBoundary("uint8")


def test_quantize_read_twice_with_two_scales_stays():
    x = var("x", DATA, "float32")

    def write(b):
        return [
            b.emit(conv(b.emit(quantize(x), "q")), "c", True),
            b.emit(conv(b.emit(quantize(x, scale=0.7), "r")), "d", True),
        ]

    before = module([x], write)
    assert_same(FoldBoundary()(before), before)


def test_transpose_of_floats_stays():
    x = var("x", (1, 3, 5, 6), "float32")

    def write(b):
        moved = b.emit(relax.op.permute_dims(x, [0, 2, 3, 1]), "t")
        return [b.emit(conv(b.emit(quantize(moved), "q")), "c", True)]

    before = module([x], write)
    assert_same(FoldBoundary()(before), before)


def test_other_lookups_stay():
    x = var("x", DATA)
    before = module([x], lambda b: [b.emit(lookup(b.emit(conv(x), "c"), "relu", "int8"), "y", True)])
    assert_same(FoldBoundary()(before), before)


def test_uint8_interface_of_a_model():
    m = ModelBuilder()
    x = m.input("image", (1, 6, 6, 3), 0.5, 128, dtype="uint8")
    q = m.quantize(x, 0.5, 0)
    y = m.conv2d(q, np.ones((2, 3, 3, 3), np.int8), np.zeros(2, np.int32), 0.01, 0.1, -7)
    # A reshape between the convolution and the border must not hide its scale.
    m.output(m.quantize(m.reshape(y, (1, 72)), 0.1, 121, dtype="uint8", name="scores"))
    after = legalization_pipeline()(our_import(file_of(m.finish())))
    (inside,), (outside,) = interface_of(after)
    assert (inside.tflite_name, inside.dtype, inside.zero_point) == ("image", "int8", 0)
    assert inside.original == OriginalPort("uint8", 0.5, 128)
    assert (outside.tflite_name, outside.dtype, outside.zero_point) == ("scores", "int8", -7)
    assert outside.original == OriginalPort("uint8", float(np.float32(0.1)), 121)
    assert "lookup" not in after.script(show_meta=False)
