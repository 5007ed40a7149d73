"""Every kind of bad input on the command line: exit code, one line that says what, where and what to do, no traces.

With the real driver, unlike the rest of this folder.
"""

from __future__ import annotations

import dataclasses
import io
import os
import random

import numpy as np
import pytest

from tests.unit.codegen.networks import small_network
from tvm_patch.tflite.build_base import make_quantization
from tvm_patch.tflite.builder import ModelBuilder
from tvm_patch.tflite.reader import read_model
from tvm_patch.tflite.writer import write_model

SMALL = small_network()


# ---------------------------------------------------------------------- models


def without_contents():
    model = read_model(SMALL)
    index = model.operators[0].inputs[1]
    bare = dataclasses.replace(model.tensors[index], data=None)
    return dataclasses.replace(model, tensors=(*model.tensors[:index], bare, *model.tensors[index + 1 :]))


def with_first_tensor(**changes):
    model = read_model(SMALL)
    first = dataclasses.replace(model.tensors[model.inputs[0]], **changes)
    return dataclasses.replace(
        model, tensors=tuple(first if i == model.inputs[0] else t for i, t in enumerate(model.tensors))
    )


def one_operator(kind, dtype="int8", weight=None, shape=(1, 4, 4, 2), **options):
    m = ModelBuilder()
    x = m.input("photo", shape, 0.1, dtype=dtype)
    y = m.tensor("answer", shape, dtype, None if dtype == "float32" else make_quantization(0.1))
    inputs = (
        [x]
        if weight is None
        else [x, m.constant("kernel", weight, None if weight.dtype.kind == "f" else 0.1)]
    )
    m.operator(kind, inputs, [y], options)
    m.output(y)
    return m.finish()


WINDOW = {"padding": "SAME", "stride_w": 1, "stride_h": 1}
FLOAT_WEIGHT = np.zeros((2, 1, 1, 2), np.float32)
MODELS = {
    "truncated": (SMALL[: len(SMALL) // 2], ["corrupt", "convert the network again"]),
    "text": (b"no network at all", ["not a TFLite model", "get the file again"]),
    "empty": (b"", ["not a TFLite model"]),
    "missing buffer": (without_contents(), ["operator 0 (CONV_2D)", "reads tensor", "convert the network again"]),
    "dynamic": (
        with_first_tensor(shape_signature=(1, -1, -1, 3)),
        ["tensor 0 (image)", "dynamic shape [1, -1, -1, 3]", "static shapes"],
    ),
    "batch": (
        one_operator("MAX_POOL_2D", shape=(2, 4, 4, 2), filter_width=1, filter_height=1, **WINDOW),
        ["operator 0 (MAX_POOL_2D) making tensor 'answer'", "'photo' of shape [2, 4, 4, 2]", "batch size 1"],
    ),
    "float": (
        one_operator("CONV_2D", "float32", FLOAT_WEIGHT, **WINDOW),
        ["float model", "full-integer quantization"],
    ),
    "dynamic range": (
        one_operator("CONV_2D", "float32", FLOAT_WEIGHT.astype(np.int8), **WINDOW),
        ["operator 0 (CONV_2D) making tensor 'answer'", "dynamic-range", "'kernel'", "full-integer quantization"],
    ),
    "unsupported": (
        one_operator("CUMSUM"),
        ["cannot be compiled: CUMSUM (operator 0 (CUMSUM) making tensor 'answer')", "cut the network"],
    ),
    "absurd size": (
        with_first_tensor(shape=(1, 1 << 20, 1 << 20, 3)),
        ["tensor 0 (image) has shape [1, 1048576, 1048576, 3]", "more than 2 GiB", "convert the network again"],
    ),
    "contradiction": (
        with_first_tensor(shape=(1, 90, 7, 3)),
        ["operator 0 (CONV_2D)", "has shape [1, 5, 4, 8], the operator makes [1, 45, 4, 8]", "static shapes"],
    ),
    "no scale": (
        with_first_tensor(quantization=None),
        ["operator 0 (CONV_2D)", "int8 tensor 'image' has no scale", "full-integer quantization"],
    ),
    "scale": (
        with_first_tensor(quantization=make_quantization(0.0)),
        ["tensor 0 (image)", "scale that is not a positive number", "convert the network again"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("verb", ["compile", "inspect", "run"])
def test_models(refused, tmp_path, verb, name):
    model, parts = MODELS[name]
    path = tmp_path / "bad.tflite"
    path.write_bytes(model if isinstance(model, bytes) else write_model(model))
    line = refused(verb, path, *(["-o", tmp_path / "out"] if verb == "compile" else []))
    for part in parts:
        assert part in line


# ---------------------------------------------------------------------- where things go


def test_output_below_a_file(refused, net, tmp_path):
    (tmp_path / "file").write_text("x")
    line = refused("compile", net, "-o", tmp_path / "file" / "out")
    assert line == f"error: {tmp_path / 'file'} is a file; choose another output folder"


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="a folder that even root cannot write to")
def test_folders_that_cannot_be_written(refused, net, tmp_path):
    assert "/proc is not writable" in refused("compile", net, "-o", "/proc/out")
    out = tmp_path / "out"
    assert "/proc is not writable" in refused("compile", net, "-o", out, "--json", "/proc/report.json")
    assert "/proc is not writable" in refused("zoo", "write", "mlperf_ad", "-o", "/proc/net.tflite")


def test_output_that_is_something_else(refused, net, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    assert "holds something else" in refused("compile", net, "-o", tmp_path / "mine")
    (tmp_path / "out.tar").mkdir()
    assert "out.tar is a folder, where the archive goes" in refused("compile", net, "-o", tmp_path / "out")


def test_failed_write_leaves_the_old_artifact(refused, net, artifact, monkeypatch):
    monkeypatch.setattr(
        os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    line = refused("compile", net, "-o", artifact)
    assert line.endswith(": No space left on device")


def test_no_temporary_folder(refused, artifact, monkeypatch):
    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryDirectory", full)
    assert "set TMPDIR" in refused("run", artifact)


# ---------------------------------------------------------------------- tools


@pytest.mark.parametrize(
    ("board", "tool"), [("host", "gcc"), ("qemu_m7", "arm-none-eabi-gcc"), ("qemu_m4", "qemu-system-arm")]
)
def test_tools_that_are_missing(refused, artifact, tmp_path, monkeypatch, board, tool):
    import shutil

    tools = tmp_path / "bin"
    tools.mkdir()
    if tool == "qemu-system-arm":
        compiler = shutil.which("arm-none-eabi-gcc")
        if compiler is None:
            pytest.skip("needs arm-none-eabi-gcc")
        (tools / "arm-none-eabi-gcc").write_text(f'#!/bin/sh\nexec {compiler} "$@"\n')
        (tools / "arm-none-eabi-gcc").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools))
    line = refused("run", artifact, "--board", board)
    assert line.startswith(f"error: {tool} is not installed or not on the PATH; on Debian: apt install")


# ---------------------------------------------------------------------- memory


def wide(width, units=0):
    m = ModelBuilder()
    y = m.relu(m.input("x", (1, width), 0.1), 0.05, -128)
    if units:
        y = m.fully_connected(y, np.ones((units, width), np.int8), np.zeros(units, np.int32), 0.01, 0.5, 0)
    m.output(y)
    return write_model(m.finish())


@pytest.mark.slow
def test_sram_at_compile(refused, tmp_path):
    path = tmp_path / "wide.tflite"
    path.write_bytes(wide(300_000))
    line = refused("compile", path, "-o", tmp_path / "out", "--board", "nucleo_f746zg")
    assert "does not fit the 262,144 bytes of SRAM of nucleo_f746zg" in line
    assert "bytes too many; choose a larger board" in line


@pytest.mark.slow
def test_flash_at_compile(refused, tmp_path):
    path = tmp_path / "heavy.tflite"
    path.write_bytes(wide(16, 70_000))
    line = refused("compile", path, "-o", tmp_path / "out", "--board", "nucleo_f746zg")
    assert "does not fit the 1,048,576 bytes of FLASH of nucleo_f746zg" in line
    assert "bytes too many; choose a larger board" in line


@pytest.mark.parametrize(
    ("data", "memory"),
    [
        pytest.param(wide(260_000), "SRAM", id="SRAM"),
        pytest.param(wide(16, 65_000), "FLASH", id="FLASH", marks=pytest.mark.slow),
    ],
)
@pytest.mark.slow
def test_memory_at_link(refused, tmp_path, data, memory):
    import shutil

    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("needs arm-none-eabi-gcc")
    path = tmp_path / "wide.tflite"
    path.write_bytes(data)
    line = refused("run", path, "--board", "qemu_m7", "--as", "nucleo_f746zg")
    assert f"bytes more {memory} than the " in line
    assert line.startswith("error: nucleo_f746zg: the firmware needs ")
    assert line.endswith("choose a larger board (tvm-patch boards) or a smaller network")


# ---------------------------------------------------------------------- inputs


def save(path, array):
    np.save(path, array)
    return path


@pytest.mark.parametrize(
    ("array", "parts"),
    [
        (np.zeros((1, 9, 7, 4), np.int8), ["[1, 9, 7, 4], input 'image' has [1, 9, 7, 3]"]),
        (np.zeros((1, 9, 7, 3), np.float64), ["dtype float64, input 'image' takes int8"]),
        (np.zeros((1, 9, 7, 3), np.float32), ["dtype float32, input 'image' takes int8"]),
        (np.zeros((), np.int8), ["has shape [], input 'image'"]),
    ],
)
def test_arrays(refused, artifact, tmp_path, array, parts):
    line = refused("run", artifact, "--input", save(tmp_path / "x.npy", array))
    assert "x.npy" in line
    for part in parts:
        assert part in line


def test_number_of_inputs(refused, artifact, tmp_path):
    path = save(tmp_path / "x.npy", np.zeros((1, 9, 7, 3), np.int8))
    line = refused("run", artifact, "--input", path, "--input", path)
    assert "has 1 inputs (image [1, 9, 7, 3]), got 2 --input options" in line


def test_values_that_are_not_numbers(refused, tmp_path):
    m = ModelBuilder()
    m.output(m.relu(m.quantize(m.input("x", (1, 4), dtype="float32"), 0.1, 0)))
    (tmp_path / "m.tflite").write_bytes(write_model(m.finish()))
    path = save(tmp_path / "x.npy", np.array([[1, np.nan, 2, 3]], np.float32))
    assert "not finite" in refused("run", tmp_path / "m.tflite", "--input", path)


@pytest.mark.parametrize(
    "suffix",
    [
        "npy",
        "png",
        pytest.param("jpg", marks=pytest.mark.slow),
        pytest.param("bmp", marks=pytest.mark.slow),
        pytest.param("gif", marks=pytest.mark.slow),
    ],
)
@pytest.mark.slow
def test_damaged_input_files(command, artifact, tmp_path, monkeypatch, suffix):
    """Mutants of sound files are read or refused; the firmware itself is not run."""
    from microtvm_project.run import RunResult
    from tvm_patch.driver import Artifact

    nothing = dict.fromkeys(RunResult.__dataclass_fields__)
    nothing.update(outputs=[[np.zeros((1, 5), np.int8)]], set_instructions=[], arena_bytes=1, sections={})
    monkeypatch.setattr(Artifact, "run", lambda *_, **__: RunResult(**nothing))
    buffer = io.BytesIO()
    if suffix == "npy":
        np.save(buffer, np.zeros((1, 9, 7, 3), np.int8))
    else:
        image = pytest.importorskip("PIL.Image")
        image.fromarray(np.arange(189, dtype=np.uint8).reshape(9, 7, 3)).save(
            buffer, {"jpg": "jpeg"}.get(suffix, suffix)
        )
    rng, codes = random.Random(suffix), []
    for _ in range(150):
        data = bytearray(buffer.getvalue())
        for _ in range(rng.randint(1, 3)):
            data[rng.randrange(min(len(data), 200))] = rng.choice(
                (0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256))
            )
        path = tmp_path / f"x.{suffix}"
        path.write_bytes(bytes(data[: rng.randint(0, len(data))] if rng.random() < 0.2 else data))
        code, _, err = command("run", artifact, "-q", "--input", path, "--input-scale", "raw")
        codes.append(code)
        assert code in (0, 2), err
        assert code == 0 or (
            err.startswith(f"error: {path}") and err.count("\n") == 1 and err[:-1].isprintable()
        )
    assert codes.count(2) > 10
