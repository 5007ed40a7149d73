"""What is refused, in one line that names operator, tensor and way out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tvm_patch.errors import UnsupportedError
from tvm_patch.frontend import import_tflite
from tvm_patch.tflite.build_base import make_quantization
from tvm_patch.tflite.builder import ModelBuilder
from tvm_patch.tflite.writer import write_model

RNG = np.random.default_rng(1)


def ints(*shape):
    return RNG.integers(-127, 128, shape).astype(np.int8)


def bias(count):
    return np.zeros(count, np.int32)


def refusal(m, *outputs):
    for tensor in outputs:
        m.output(tensor)
    with pytest.raises(UnsupportedError) as caught:
        import_tflite(write_model(m.finish()))
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.exit_code == 2
    return message


def float_conv(m, weight):
    x = m.input("x", (1, 4, 4, 2), dtype="float32")
    y = m.tensor("y", (1, 4, 4, 3), "float32")
    b = m.constant("b", np.zeros(3, np.float32))
    m.operator("CONV_2D", [x, weight, b], [y], {"padding": "SAME", "stride_w": 1, "stride_h": 1})
    return y


def test_float_model():
    m = ModelBuilder()
    weight = m.constant("w", np.zeros((3, 1, 1, 2), np.float32))
    message = refusal(m, float_conv(m, weight))
    assert "this is a float model" in message
    assert "full-integer quantization" in message


def test_dynamic_range_model():
    m = ModelBuilder()
    weight = m.constant("w", ints(3, 1, 1, 2), 0.1)
    message = refusal(m, float_conv(m, weight))
    assert message.startswith("operator 0 (CONV_2D) making tensor 'y': dynamic-range quantization")
    assert "'w'" in message
    assert "full-integer quantization" in message


def test_float_operator_behind_dequantize():
    m = ModelBuilder()
    x = m.dequantize(m.input("x", (1, 4), 0.1))
    y = m.tensor("y", (1, 4), "float32")
    m.operator("LOGISTIC", [x], [y])
    assert "operator 1 (LOGISTIC) making tensor 'y': float tensor 'dequantize_0'" in refusal(m, y)


def test_quantize_of_moved_floats():
    m = ModelBuilder()
    real = m.reshape(m.dequantize(m.input("x", (1, 4), 0.1)), (4, 1), name="real")
    message = refusal(m, m.quantize(real, 0.2, 3))
    assert "float tensor 'real' is moved between DEQUANTIZE and QUANTIZE; move it before" in message


def test_int16_activations():
    m = ModelBuilder()
    x = m.input("x", (1, 4), 0.1, dtype="int16")
    y = m.tensor("y", (1, 4), "int16", make_quantization(0.2))
    m.operator("RELU", [x], [y])
    assert "int16 tensor 'x'" in refusal(m, y)


def test_uint8_network():
    m = ModelBuilder()
    x = m.input("x", (1, 4), 0.1, 128, dtype="uint8")
    message = refusal(m, m.relu(x))
    assert "legacy asymmetric uint8" in message
    assert "operator 0 (RELU)" in message


def test_all_unknown_operators_in_one_error():
    m = ModelBuilder()
    x = m.input("x", (1, 4), 0.1)
    made = []
    for kind in ("SQRT", "SIN"):
        y = m.tensor(kind.lower(), (1, 4), "int8", make_quantization(0.2))
        m.operator(kind, [x], [y])
        made.append(y)
    message = refusal(m, *made)
    assert "SQRT (operator 0 (SQRT) making tensor 'sqrt')" in message
    assert "SIN (operator 1 (SIN) making tensor 'sin')" in message


def test_batch_of_two():
    m = ModelBuilder()
    x = m.input("pictures", (2, 4, 4, 2), 0.1)
    message = refusal(m, m.conv2d(x, ints(3, 1, 1, 2), bias(3), 0.1, 0.2, 0))
    assert "'pictures' of shape [2, 4, 4, 2] is not one NHWC picture" in message
    assert "batch size 1" in message


def test_concatenation_of_two_scales():
    m = ModelBuilder()
    a, b = m.input("a", (1, 4), 0.1), m.input("b", (1, 4), 0.2)
    y = m.tensor("y", (1, 8), "int8", make_quantization(0.1))
    m.operator("CONCATENATION", [a, b], [y], {"axis": 1})
    assert "different scales or zero points" in refusal(m, y)


def test_weights_that_are_computed():
    m = ModelBuilder()
    x, w = m.input("x", (1, 4), 0.1), m.input("w", (3, 4), 0.1)
    y = m.tensor("y", (1, 3), "int8", make_quantization(0.1))
    m.operator("FULLY_CONNECTED", [x, w], [y])
    assert "input 1 ('w') is computed, not constant" in refusal(m, y)


def test_empty_weights():
    m = ModelBuilder()
    x = m.input("x", (1, 4, 4, 2), 0.1)
    w = m.constant("w", ints(3, 0, 1, 2), 0.1)
    y = m.tensor("y", (1, 4, 4, 3), "int8", make_quantization(0.1))
    m.operator("CONV_2D", [x, w], [y], {"padding": "SAME", "stride_h": 1, "stride_w": 1})
    assert "constant 'w' of shape [3, 0, 1, 2] is empty" in refusal(m, y)


def test_asymmetric_weights():
    m = ModelBuilder()
    x = m.input("x", (1, 4), 0.1)
    w = m.constant("w", ints(3, 4), 0.1, 5)
    y = m.tensor("y", (1, 3), "int8", make_quantization(0.1))
    m.operator("FULLY_CONNECTED", [x, w], [y])
    assert "weights 'w' have a zero point" in refusal(m, y)


@pytest.mark.parametrize("activation", ["TANH", "SIGN_BIT"])
def test_fused_activations_without_a_kernel(activation):
    m = ModelBuilder()
    x = m.input("x", (1, 4), 0.1)
    assert f"fused activation {activation}" in refusal(m, m.add(x, x, 0.2, 0, activation=activation))


def test_activation_without_a_scale():
    m = ModelBuilder()
    x = m.input("x", (1, 4), 0.1)
    y = m.tensor("y", (1, 4), "int8")
    m.operator("RELU", [x], [y])
    assert "int8 tensor 'y' has no scale" in refusal(m, y)


def test_constant_part_of_a_concatenation():
    m = ModelBuilder()
    x = m.input("x", (1, 4), 0.1)
    y = m.concatenation([x, m.constant("c", ints(1, 4), 0.1)], 1)
    assert "its data is constant" in refusal(m, y)


def test_gather_out_of_range():
    m = ModelBuilder()
    x = m.input("x", (1, 4), 0.1)
    y = m.tensor("y", (1, 1), "int8", make_quantization(0.1))
    m.operator("GATHER", [x, m.constant("i", np.array([4], np.int32))], [y], {"axis": 1})
    assert "into 4 elements" in refusal(m, y)


def test_axis_out_of_range():
    m = ModelBuilder()
    x = m.input("x", (1, 4), 0.1)
    y = m.tensor("y", (1, 8), "int8", make_quantization(0.1))
    m.operator("CONCATENATION", [x, x], [y], {"axis": 5})
    assert "axis 5 of a tensor with 2 dimensions" in refusal(m, y)


def with_operator(kind, custom="", dtype="int8"):
    m = ModelBuilder()
    x = m.input("x", (1, 4), 0.1)
    y = m.tensor("y", (1, 4), dtype, make_quantization(0.1) if dtype == "int8" else None)
    m.operator(kind, [x], [y])
    m.output(y)
    model = m.finish()
    return replace(model, operators=tuple(replace(op, custom_code=custom) for op in model.operators))


@pytest.mark.parametrize("kind", ["CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"])
def test_state_is_not_called_control_flow(kind):
    with pytest.raises(UnsupportedError) as caught:
        import_tflite(write_model(with_operator(kind)))
    message = str(caught.value)
    assert message.startswith(f"operator 0 ({kind}): this network keeps state between inferences")
    assert "; export it with its state as inputs and outputs" in message


@pytest.mark.parametrize("kind", ["IF", "WHILE"])
def test_control_flow(kind):
    with pytest.raises(
        UnsupportedError, match=r"control flow .* is not supported; export the network without"
    ):
        import_tflite(write_model(with_operator(kind)))


@pytest.mark.parametrize(
    ("custom", "compiler"), [("ethos-u", "Vela"), ("edgetpu-custom-op", "the Edge TPU compiler")]
)
def test_what_another_compiler_made(custom, compiler):
    with pytest.raises(UnsupportedError) as caught:
        import_tflite(write_model(with_operator("CUSTOM", custom)))
    message = str(caught.value)
    assert message.startswith(f"operator 0 (CUSTOM {custom}): {compiler} has compiled this file for")
    assert message.endswith(f"; give the .tflite file from before {compiler}")


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("kind", ["add", "mul", "maximum"])
def test_integer_arithmetic_is_called_by_its_name(kind, dtype):
    m = ModelBuilder()
    index = m.arg_max(m.input("x", (1, 3, 4), 0.1), 2, dtype=dtype)
    one = m.constant("one", np.ones((1,), dtype))
    y = m.tensor("y", (1, 3), dtype)
    m.operator(kind.upper(), [index, one], [y])
    message = refusal(m, y)
    assert (
        f"integer arithmetic in {kind.upper()} is not supported: tensor 'arg_max_0' is {dtype}; " in message
    )
    assert "damaged" not in message


def test_no_message_calls_a_sound_type_damage():
    for dtype in ("int16", "uint8", "float32", "bool", "int32"):
        m = ModelBuilder()
        x = m.input("x", (1, 4), 0.1, dtype=dtype)
        y = m.tensor("y", (1, 4), dtype, make_quantization(0.2) if dtype in ("int16", "uint8") else None)
        m.operator("RELU", [x], [y])
        message = refusal(m, y)
        assert "damaged" not in message
        assert "; " in message
