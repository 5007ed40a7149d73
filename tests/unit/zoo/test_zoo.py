"""Zoo networks: valid, the right size, deterministic, and alive in every layer."""

from __future__ import annotations

import numpy as np
import pytest

from tvm_patch.errors import UserError
from tvm_patch.tflite.model import Model
from tvm_patch.tflite.reader import read_model
from tvm_patch.tflite.writer import write_model
from tvm_patch.zoo.blocks import make_divisible
from tvm_patch.zoo.registry import ARCHITECTURES, build


def mega_macs(model: Model) -> float:
    """Return the millions of multiply-accumulates of convolutions and dense layers."""
    total = 0
    for operator in model.operators:
        output = model.tensors[operator.outputs[0]].size
        if operator.kind in ("CONV_2D", "FULLY_CONNECTED"):
            total += output * int(np.prod(model.tensors[operator.inputs[1]].shape[1:]))
        elif operator.kind == "DEPTHWISE_CONV_2D":
            total += output * int(np.prod(model.tensors[operator.inputs[1]].shape[1:3]))
    return total / 1e6


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_size_and_round_trip(name):
    entry = ARCHITECTURES[name]
    model = build(name)
    assert mega_macs(model) == pytest.approx(entry.published_mmacs, rel=0.1)
    assert read_model(write_model(model)) == model
    (output,) = model.outputs
    assert model.tensors[output].shape == (1, entry.classes)


def small(name: str) -> Model:
    """Build an architecture narrow and at a low resolution, so that the reference kernels take no time."""
    if name in ("mlperf_kws", "mlperf_ad"):
        return build(name, seed=1)
    width = 0.25 if name.startswith("mlperf") else 0.35
    return build(name, width=width, resolution=64 if name != "mlperf_ic" else 32, classes=10, seed=1)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_alive_in_litert(name):
    """Every weighted layer uses many values on a random input, and few of them sit at a limit."""
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    model = small(name)
    network = litert.Interpreter(
        model_content=write_model(model),
        experimental_op_resolver_type=litert.OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    network.allocate_tensors()
    (detail,) = network.get_input_details()
    outputs = []
    for seed in (0, 1):
        rng = np.random.default_rng(seed)
        network.set_tensor(detail["index"], rng.integers(-128, 128, detail["shape"]).astype(np.int8))
        network.invoke()
        outputs.append(network.get_tensor(model.outputs[0]))
        for operator in model.operators:
            if operator.kind not in ("CONV_2D", "DEPTHWISE_CONV_2D", "ADD"):
                continue
            values = network.get_tensor(operator.outputs[0])
            # A tensor of 16 elements cannot have more distinct ones.
            assert len(np.unique(values)) > min(16, values.size // 3), operator.where
            assert (values == 127).mean() < 0.3, operator.where
            assert (values == -128).mean() < 0.9, operator.where
    assert len(np.unique(outputs[0])) > 1
    assert not np.array_equal(*outputs)


def test_seeds():
    assert build("mlperf_kws", seed=3) == build("mlperf_kws", seed=3)
    assert build("mlperf_kws", seed=3) != build("mlperf_kws", seed=4)


def test_scales_differ_by_channel():
    model = build("mlperf_vww")
    for operator in model.operators:
        if operator.kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            quantization = model.tensors[operator.inputs[1]].quantization
            assert quantization.axis == (3 if operator.kind == "DEPTHWISE_CONV_2D" else 0)
            assert len(np.unique(quantization.scale)) > 1


def test_real_shapes():
    """The activations that the design's memory figures rest on."""
    model = build("mobilenet_v2")
    shapes = [model.tensors[operator.outputs[0]].shape for operator in model.operators]
    assert max(np.prod(shape) for shape in shapes) == 112 * 112 * 96
    assert [operator.kind for operator in model.operators[-3:]] == ["MEAN", "FULLY_CONNECTED", "SOFTMAX"]
    assert sum(operator.kind == "ADD" for operator in model.operators) == 10
    kinds = {operator.kind for operator in build("mcunet_in3").operators}
    assert {"PAD", "AVERAGE_POOL_2D", "RESHAPE"} <= kinds
    assert {"MUL", "LOGISTIC"} <= {operator.kind for operator in build("mnasnet_a1").operators}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "resnet-9000"}, "there are mobilenet_v2"),
        ({"name": "mobilenet_v2", "width": 0}, "width"),
        ({"name": "mobilenet_v2", "width": float("nan")}, "width"),
        ({"name": "mobilenet_v2", "resolution": 8}, "32 to 512"),
        ({"name": "mlperf_kws", "resolution": 5}, "10 to 512"),
        ({"name": "mobilenet_v2", "classes": 0}, "classes"),
        ({"name": "mobilenet_v2", "seed": -1}, "seed"),
    ],
)
def test_wrong_parameters(arguments, message):
    with pytest.raises(UserError, match=message):
        build(**arguments)


def test_make_divisible():
    assert [make_divisible(c) for c in (3, 8, 11.2, 12, 33.6, 100)] == [8, 8, 16, 16, 32, 104]
