"""The reader: real files read, wrong files refused with one clear error and nothing else."""

from __future__ import annotations

import random
import struct
import time
from dataclasses import replace

import numpy as np
import pytest

from tvm_patch.errors import ModelFormatError, UnsupportedError, UserError
from tvm_patch.tflite.builder import ModelBuilder, make_quantization
from tvm_patch.tflite.model import Operator, Tensor
from tvm_patch.tflite.reader import read_model
from tvm_patch.tflite.writer import write_model


def small_model():
    builder = ModelBuilder("small", "for tests")
    x = builder.input("x", (1, 6, 6, 2), 0.05, 1)
    weight = np.arange(36, dtype=np.int8).reshape(2, 3, 3, 2)
    y = builder.conv2d(x, weight, np.zeros(2, np.int32), [0.1, 0.2], 0.5, 3, name="c")
    y = builder.strided_slice(y, (0, 0, 0, 0), (1, 3, 3, 2))
    y = builder.softmax(builder.reshape(y, (1, -1)))
    builder.output(y)
    return builder.finish()


def with_tensor(model, index, **changes):
    tensors = list(model.tensors)
    tensors[index] = replace(tensors[index], **changes)
    return replace(model, tensors=tuple(tensors))


def with_operator(model, index, **changes):
    operators = list(model.operators)
    operators[index] = replace(operators[index], **changes)
    return replace(model, operators=tuple(operators))


def test_fields_of_a_real_file(shared_models):
    model = read_model(shared_models / "mlperf-vww-96.tflite")
    assert [model.tensors[i].shape for i in model.inputs] == [(1, 96, 96, 3)]
    first = model.operators[0]
    assert first.kind == "CONV_2D"
    assert first.options == {
        "padding": "SAME",
        "stride_w": 2,
        "stride_h": 2,
        "fused_activation_function": "RELU",
        "dilation_w_factor": 1,
        "dilation_h_factor": 1,
    }
    weight = model.tensors[first.inputs[1]]
    assert weight.data.shape == weight.shape == (8, 3, 3, 3)
    assert weight.quantization.scale.shape == (8,)
    assert not weight.data.flags.writeable


def test_codes_in_the_new_field_only(shared_models):
    """Some writers leave the old one-byte code at 0, which readers of that field alone take for ADD."""
    model = read_model(shared_models / "hps-presence-89ops-240x320.tflite")
    kinds = {operator.kind for operator in model.operators}
    assert "ADD" not in kinds
    assert {"PAD", "STRIDED_SLICE", "CONCATENATION"} <= kinds


def test_signed_channel_scales_are_kept(shared_models):
    model = read_model(shared_models / "mcunet-in3-320kb1mb-176.tflite")
    assert any(t.quantization is not None and (t.quantization.scale < 0).any() for t in model.tensors)


def test_every_real_file_reads(shared_models):
    for path in sorted(shared_models.glob("*.tflite")):
        model = read_model(path)
        assert model.operators, path
        assert model == read_model(path.read_bytes()), path


def test_file_on_disk(tmp_path):
    path = tmp_path / "m.tflite"
    with pytest.raises(UserError, match="no such file"):
        read_model(path)
    with pytest.raises(UserError, match="no such file"):
        read_model(tmp_path)
    path.write_bytes(b"hello, world")
    with pytest.raises(ModelFormatError, match=r"m\.tflite: not a TFLite model"):
        read_model(path)
    path.write_bytes(write_model(small_model()))
    assert read_model(path) == small_model()


@pytest.mark.parametrize("data", [b"", b"TFL3", b"\0\0\0\0TFL3", b"\xff\xff\xff\xffTFL3", b"\x08\0\0\0TFL3"])
def test_tiny_files(data):
    with pytest.raises(ModelFormatError):
        read_model(data)


MODEL = small_model()
ACTIVATION = MODEL.operators[0].outputs[0]
WEIGHT = MODEL.operators[0].inputs[1]
SCALES = MODEL.tensors[WEIGHT].quantization
WRONG = {
    "operator code negative input": (with_operator(MODEL, 0, inputs=(-2, 1, 2)), ModelFormatError),
    "input absent": (with_operator(MODEL, 0, inputs=(0, -1, 2)), ModelFormatError),
    "input out of range": (with_operator(MODEL, 0, inputs=(0, 1, 99)), ModelFormatError),
    "too few inputs": (with_operator(MODEL, 0, inputs=(0,)), ModelFormatError),
    "reads what comes later": (with_operator(MODEL, 0, inputs=(ACTIVATION, 1, 2)), ModelFormatError),
    "writes a constant": (with_operator(MODEL, 0, outputs=(WEIGHT,)), ModelFormatError),
    "writes an input": (with_operator(MODEL, 0, outputs=(0,)), ModelFormatError),
    "stride 0": (
        with_operator(MODEL, 0, options={**MODEL.operators[0].options, "stride_w": 0}),
        ModelFormatError,
    ),
    "beta not finite": (with_operator(MODEL, 3, options={"beta": float("inf")}), ModelFormatError),
    "input twice": (replace(MODEL, inputs=(0, 0)), ModelFormatError),
    "constant as input": (replace(MODEL, inputs=(0, WEIGHT)), ModelFormatError),
    "no output": (replace(MODEL, outputs=()), ModelFormatError),
    "output out of range": (replace(MODEL, outputs=(-1,)), ModelFormatError),
    "output never made": (replace(MODEL, operators=MODEL.operators[:-1]), ModelFormatError),
    "version": (replace(MODEL, version=4), UnsupportedError),
    "shape negative": (with_tensor(MODEL, 0, shape=(1, -6, 6, 2)), ModelFormatError),
    "shape absurd": (with_tensor(MODEL, 0, shape=(2**30, 2**30, 2**30, 2**30)), ModelFormatError),
    "shape empty": (with_tensor(MODEL, 0, shape=(1, 0, 6, 2)), UnsupportedError),
    "rank absurd": (with_tensor(MODEL, 0, shape=(1,) * 9), ModelFormatError),
    "contents of another size": (with_tensor(MODEL, WEIGHT, shape=(2, 3, 3, 1)), ModelFormatError),
    "contents of another type": (with_tensor(MODEL, WEIGHT, dtype="int32"), ModelFormatError),
    "signature rank": (with_tensor(MODEL, 0, shape_signature=(1, 6)), ModelFormatError),
    "dynamic height": (with_tensor(MODEL, 0, shape_signature=(1, -1, 6, 2)), UnsupportedError),
    "variable": (with_tensor(MODEL, 0, is_variable=True), UnsupportedError),
    "string": (with_tensor(MODEL, 0, dtype="string"), UnsupportedError),
    "int4 weights": (with_tensor(MODEL, WEIGHT, dtype="int4"), UnsupportedError),
    "scale 0": (with_tensor(MODEL, 0, quantization=make_quantization(0.0)), ModelFormatError),
    "scale NaN": (with_tensor(MODEL, 0, quantization=make_quantization(float("nan"))), ModelFormatError),
    "scale infinite": (
        with_tensor(MODEL, WEIGHT, quantization=make_quantization([1.0, np.inf])),
        ModelFormatError,
    ),
    "zero point": (with_tensor(MODEL, 0, quantization=make_quantization(1.0, 128)), ModelFormatError),
    "zero points missing": (
        with_tensor(MODEL, WEIGHT, quantization=replace(SCALES, zero_point=np.zeros(1, np.int64))),
        ModelFormatError,
    ),
    "scale axis": (with_tensor(MODEL, WEIGHT, quantization=replace(SCALES, axis=1)), ModelFormatError),
    "scale axis negative": (
        with_tensor(MODEL, WEIGHT, quantization=replace(SCALES, axis=-4)),
        ModelFormatError,
    ),
    "control flow": (
        replace(MODEL, operators=(*MODEL.operators, Operator("WHILE", (0,), (), index=4))),
        UnsupportedError,
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_inconsistent_models_are_refused(case):
    model, error = WRONG[case]
    with pytest.raises((ModelFormatError, UnsupportedError)) as caught:
        read_model(write_model(model))
    assert type(caught.value) is error
    assert "\n" not in str(caught.value)


def test_batch_left_open_is_a_batch_of_one():
    model = with_tensor(MODEL, 0, shape_signature=(-1, 6, 6, 2))
    assert read_model(write_model(model)) == model


def test_custom_operators_keep_their_name():
    model = replace(
        MODEL, operators=(*MODEL.operators, Operator("CUSTOM", (0,), (), index=4, custom_code="Mine"))
    )
    assert read_model(write_model(model)) == model
    assert model.operators[4].where == "operator 4 (CUSTOM Mine)"


def test_unused_tensors_of_odd_types_are_let_be():
    model = replace(MODEL, tensors=(*MODEL.tensors, Tensor("s", (2,), "string")))
    assert read_model(write_model(model)) == model


def test_empty_and_scalar_constants():
    builder = ModelBuilder()
    x = builder.input("x", (1, 1), 0.1)
    builder.output(builder.reshape(x, ()))
    builder.constant("scalar", np.asarray(3, np.int32))
    model = builder.finish()
    assert read_model(write_model(model)) == model


def test_shared_bytes_are_not_read_again_and_again():
    """A vector of half a million offsets to one table would be half a million tensors."""
    content = bytearray(write_model(MODEL))
    root = struct.unpack_from("<I", content, 0)[0]
    vtable = root - struct.unpack_from("<i", content, root)[0]
    field = root + struct.unpack_from("<H", content, vtable + 4 + 2 * 4)[0]  # the buffers
    vector = field + struct.unpack_from("<I", content, field)[0]
    table = vector + 4 + struct.unpack_from("<I", content, vector + 4)[0]
    count = 500_000
    # Offsets are unsigned, so the repeated table goes after the long vector.
    start = len(content)
    copy = start + 4 + 4 * count
    content += struct.pack("<I", count)
    content += struct.pack(f"<{count}I", *(copy - (start + 4 + 4 * i) for i in range(count)))
    content += struct.pack("<iHH", -4, 4, 4)
    struct.pack_into("<I", content, field, start - field)
    assert table < start
    begin = time.perf_counter()
    with pytest.raises(ModelFormatError, match="share the same bytes"):
        read_model(bytes(content))
    assert time.perf_counter() - begin < 10


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Return `data` with a few random faults, half of them where files keep their structure, at either end."""
    content = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        place = rng.choice(
            (
                rng.randrange(len(content)),
                rng.randrange(min(2000, len(content))),
                len(content) - 1 - rng.randrange(min(20000, len(content))),
            )
        )
        match rng.randrange(4):
            case 0:
                content[place] ^= 1 << rng.randrange(8)
            case 1:
                words = (b"\xff\xff\xff\xff", b"\0\0\0\x80", b"\xff\xff\xff\x7f", rng.randbytes(4))
                content[place : place + 4] = rng.choice(words)
            case 2:
                content[place : place + rng.randint(1, 64)] = bytes(rng.randint(1, 64))
            case 3 if rng.random() < 0.2:
                del content[max(1, place) :]
    return bytes(content)


def check_mutants(data: bytes, count: int, seed: int) -> int:
    """Read `count` mutants; return how many were refused.  Anything but the two errors propagates."""
    rng = random.Random(seed)
    messages = []
    for _ in range(count):
        mutant = mutate(data, rng)
        begin = time.perf_counter()
        try:
            read_model(mutant)
        except (ModelFormatError, UnsupportedError) as error:
            messages.append(str(error))
        assert time.perf_counter() - begin < 5
    assert all(message.isprintable() and len(message) < 400 for message in messages)
    return len(messages)


def test_fuzz_small_model():
    assert check_mutants(write_model(MODEL), 6000, seed=1) > 1000


@pytest.mark.parametrize(
    "name", ["mlperf-kws-dscnn", "tflm-micro-speech", "hps-presence-89ops-240x320", "openmv-fomo-face-96"]
)
def test_fuzz_real_files(name, shared_models):
    assert check_mutants((shared_models / f"{name}.tflite").read_bytes(), 700, seed=2) > 100


def test_every_truncation_of_a_small_model():
    content = write_model(MODEL)
    for length in range(len(content)):
        with pytest.raises((ModelFormatError, UnsupportedError)):
            read_model(content[:length])
