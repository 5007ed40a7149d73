"""The small files of ../shared/cases that strangers met, each with its right outcome."""

from __future__ import annotations

import json

import numpy as np
import pytest

import tvm_patch
from tests.conftest import SHARED
from tests.unit.cli.conftest import run_app
from tvm_patch.driver.domain import input_to_artifact, output_to_model, shape_in_model

CASES = SHARED / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason=f"no cases at {CASES}; set TVM_PATCH_SHARED")

EXACT = (
    "fault_only_reshape",
    "fault_int32_input",
    "fault_reshape_shape_is_matrix",
    "fault_leftover_zero_scale",
    "fault_deq_quant_advice",
    "fault_example_prints_unsigned",
)
"""Networks whose outputs ``expected.json`` has, for zeros and for a ramp."""
RUN = ("fault_bias_quantized_dimension_3", "unused-arena-3103", "build-fails-6714", "build-fails-5828")
REFUSED = {
    "fault_argmax_plus_1_called_damaged": "operator 1 (ADD) making tensor 'o': integer arithmetic in ADD is not",
    "fault_call_once_message": "operator 0 (CALL_ONCE): this network keeps state between inferences",
    "fault_vela_message": "operator 0 (CUSTOM ethos-u): Vela has compiled this file for an Arm Ethos-U NPU",
}


def ramp(shape, dtype):
    values = np.arange(np.prod(shape, dtype=int)) * 37 + 11
    if dtype == "float32":
        return (values / 64).astype(np.float32).reshape(shape)
    wrapped = (values % 256).astype(np.uint8)
    return (wrapped if dtype not in ("int8", "uint8") else wrapped.view(dtype)).astype(dtype).reshape(shape)


def inputs(metadata, make):
    return [
        input_to_artifact(make(shape_in_model(mine.shape, model), model.dtype), model, mine)
        for model, mine in zip(metadata.model_inputs, metadata.inputs, strict=True)
    ]


@pytest.mark.parametrize("board", ["host", "qemu_m7"])
@pytest.mark.parametrize("name", EXACT)
def test_outputs_are_those_expected(name, board):
    expected = json.loads((CASES / "expected.json").read_text())[f"{name}.tflite"]
    artifact = tvm_patch.compile(CASES / f"{name}.tflite", board=board)
    meta = artifact.metadata
    sets = [inputs(meta, np.zeros), inputs(meta, ramp)]
    for outputs, wanted in zip(artifact.run(sets, board=board).outputs, expected.values(), strict=True):
        for got, model, mine, right in zip(outputs, meta.model_outputs, meta.outputs, wanted, strict=True):
            np.testing.assert_array_equal(output_to_model(got, model, mine).reshape(-1), right)


@pytest.mark.parametrize("name", [*EXACT, *RUN])
def test_runs_and_is_exact(name, capsys):
    assert run_app(["run", str(CASES / f"{name}.tflite"), "--check"]) == 0, capsys.readouterr().err
    assert "bit-exact" in capsys.readouterr().out


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("command", [["inspect"], ["run", "--check"]], ids=["inspect", "run"])
def test_refused_with_a_way_out(name, command, capsys):
    assert run_app([command[0], str(CASES / f"{name}.tflite"), *command[1:]]) == 2
    message = capsys.readouterr().err
    assert REFUSED[name] in message
    assert ";" in message.split(REFUSED[name])[1]
    assert "damaged" not in message


def test_what_was_mended_is_said(capsys):
    path = CASES / "fault_bias_quantized_dimension_3.tflite"
    assert run_app(["run", str(path), "--check", "--json", "-"]) == 0
    report = json.loads(capsys.readouterr().out)
    (note,) = report["notes"]
    assert "along axis 3: taken for axis 0" in note
    assert report["oracle"] == "LiteRT BUILTIN_REF on the mended file"
    assert "quantized_dimension must be in range" in report["oracle_refusals"][0]


def test_a_picture_of_16_bits_keeps_its_range():
    from tvm_patch.cli.pictures import read_pixels

    pixels = read_pixels(CASES / "fault_16bit_picture.png", 32, 32, 1)
    assert abs(float(pixels.mean()) - 127.5) < 8


def test_the_example_prints_signed_numbers(tmp_path, capsys):
    source, artifact, project = CASES / "fault_example_prints_unsigned.tflite", tmp_path / "a", tmp_path / "p"
    assert run_app(["compile", str(source), "-o", str(artifact), "-q"]) == 0
    assert run_app(["project", "create", str(artifact), "-t", "c", "-o", str(project), "-q"]) == 0
    assert run_app(["project", "build", str(project), "-q"]) == 0
    import subprocess

    printed = subprocess.run(
        [project / "build" / "example"], capture_output=True, text=True, check=True
    ).stdout
    assert "-28" in printed
    assert "228" not in printed
