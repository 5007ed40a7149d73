"""The writer: what it writes reads back equal, and LiteRT computes the same with it."""

from __future__ import annotations

import numpy as np
import pytest
import tflite

from tvm_patch.errors import UnsupportedError
from tvm_patch.tflite.builder import ModelBuilder
from tvm_patch.tflite.model import Model, Operator, Tensor
from tvm_patch.tflite.reader import read_model
from tvm_patch.tflite.writer import write_model


def test_round_trip_of_every_real_file(shared_models):
    for path in sorted(shared_models.glob("*.tflite")):
        model = read_model(path)
        assert read_model(write_model(model)) == model, path


@pytest.mark.parametrize(
    "name", ["mlperf-kws-dscnn", "mlperf-ic-resnet8-32", "mlperf-ad01", "tflm-micro-speech", "micronet-ad-s"]
)
def test_litert_computes_the_same(name, shared_models, run_litert):
    content = (shared_models / f"{name}.tflite").read_bytes()
    for old, new in zip(run_litert(content), run_litert(write_model(read_model(content))), strict=True):
        assert np.array_equal(old, new)


def test_generated_accessors_agree():
    """The schema tables here against the schema's own accessors."""
    builder = ModelBuilder("net", "text")
    x = builder.input("x", (1, 8, 8, 4), 0.1)
    weight = np.ones((1, 3, 3, 4), np.int8)
    y = builder.depthwise_conv2d(
        x, weight, None, 0.1, 1.0, 0, stride=(2, 3), padding="VALID", dilation=(1, 2), activation="RELU6"
    )
    builder.output(builder.resize_bilinear(y, (5, 5), half_pixel_centers=True))
    content = write_model(builder.finish())
    assert content[4:8] == b"TFL3"
    root = tflite.Model.GetRootAsModel(content, 0)
    assert (root.Version(), root.Description()) == (3, b"text")
    assert root.Buffers(0).DataLength() == 0
    first = root.Subgraphs(0).Operators(0)
    code = root.OperatorCodes(first.OpcodeIndex())
    assert code.DeprecatedBuiltinCode() == tflite.BuiltinOperator.DEPTHWISE_CONV_2D
    assert first.BuiltinOptionsType() == tflite.BuiltinOptions.DepthwiseConv2DOptions
    options = tflite.DepthwiseConv2DOptions()
    options.Init(first.BuiltinOptions().Bytes, first.BuiltinOptions().Pos)
    assert (options.Padding(), options.StrideH(), options.StrideW()) == (tflite.Padding.VALID, 2, 3)
    assert (options.DilationHFactor(), options.DilationWFactor(), options.DepthMultiplier()) == (1, 2, 1)
    assert options.FusedActivationFunction() == tflite.ActivationFunctionType.RELU6
    resize = root.Subgraphs(0).Operators(1).BuiltinOptions()
    bilinear = tflite.ResizeBilinearOptions()
    bilinear.Init(resize.Bytes, resize.Pos)
    assert (bilinear.AlignCorners(), bilinear.HalfPixelCenters()) == (False, True)


def test_constants_are_aligned():
    builder = ModelBuilder()
    x = builder.input("x", (1, 3), 0.1)
    builder.output(builder.fully_connected(x, np.full((5, 3), 77, np.int8), None, 0.1, 1.0, 0))
    content = write_model(builder.finish())
    assert content.index(bytes([77] * 15)) % 16 == 0


@pytest.mark.parametrize(
    "model",
    [
        Model((Tensor("x", (1,), "int5"),), (), (0,), (0,)),
        Model((Tensor("x", (1,), "int8"),), (Operator("NO_SUCH", (0,), (0,)),), (0,), (0,)),
        Model(
            (Tensor("x", (1,), "int8"),),
            (Operator("ADD", (0, 0), (0,), {"fused_activation_function": "GELU"}),),
            (0,),
            (0,),
        ),
    ],
)
def test_what_the_format_cannot_hold(model):
    with pytest.raises(UnsupportedError):
        write_model(model)
