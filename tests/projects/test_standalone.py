"""Standalone firmware: its input in flash, and what it prints read back."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest

from microtvm_project import load_artifact
from microtvm_project.project.inputs_c import inputs_c, load_input_set
from microtvm_project.project.session import run_standalone
from microtvm_project.project_api import IoTimeoutError, TransportTimeouts
from tvm_patch.errors import BoardError, InputError

GOOD = """\
model small arena 640 bytes at 0x20000a58 stack 240 bytes
output Identity int8 a494c2d0b6
took 45082 cycles at 25000000 Hz
done
"""


class Console:
    """A project whose firmware prints a text, a few bytes at a time."""

    def __init__(self, folder, text: str) -> None:
        self.folder, self.text = folder, text.replace("\n", "\r\n").encode()

    def open_transport(self, options):
        return TransportTimeouts(1, 1, 1)

    def close_transport(self):
        pass

    def read_transport(self, n, timeout_sec):
        if not self.text:
            raise IoTimeoutError
        piece, self.text = self.text[:7], self.text[7:]
        return piece


@pytest.fixture
def project(tmp_path, small_artifact):
    (tmp_path / "model").symlink_to(small_artifact)
    return tmp_path


def console(project, text: str) -> Console:
    name = load_artifact(project / "model").metadata.outputs[0].name
    return Console(project, text.replace("Identity", name))


def test_what_is_printed_is_read(project):
    result = run_standalone(console(project, "boot noise\n" + GOOD))
    np.testing.assert_array_equal(result.outputs[0], np.array([[-92, -108, -62, -48, -74]], np.int8))
    assert (result.cost, result.unit, result.stack_bytes) == (45082, "cycles", 240)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not done within 0.2 s"),
        (GOOD.replace("done\n", ""), "not done within 0.2 s"),
        (GOOD.replace("a494c2d0b6", "a494"), "printed 2 bytes of output"),
        (GOOD.replace("output", "outptu"), "printed 0 bytes of output"),
        (
            "model small arena 640 bytes at 0 stack 240 bytes\nfailed with status -3\n",
            r"returned an error \(-3\)",
        ),
    ],
)
def test_what_is_printed_wrongly(project, text, message):
    with pytest.raises(BoardError, match=message):
        run_standalone(console(project, text), seconds=0.2)


def test_inputs_from_files(tmp_path, small_artifact):
    artifact = load_artifact(small_artifact)
    (random,) = load_input_set(artifact, None)
    assert (random.shape, random.dtype) == ((1, 9, 7, 3), np.int8)
    np.testing.assert_array_equal(load_input_set(artifact, None)[0], random)
    np.save(tmp_path / "x.npy", random)
    np.savez(tmp_path / "x.npz", random)
    for name in ("x.npy", "x.npz"):
        np.testing.assert_array_equal(load_input_set(artifact, tmp_path / name)[0], random)
    np.save(tmp_path / "bad.npy", random[:, :3])
    (tmp_path / "worse.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:40])
    (tmp_path / "pickle.npy").write_bytes(b"\x80\x04\x95")
    for name in ("bad.npy", "worse.npy", "pickle.npy", "none.npy"):
        with pytest.raises(InputError, match=name):
            load_input_set(artifact, tmp_path / name)


def test_inputs_as_c_are_the_same_bytes(tmp_path, small_artifact):
    (array,) = load_input_set(load_artifact(small_artifact), None)
    (tmp_path / "standalone_inputs.c").write_text(inputs_c([array]))
    (tmp_path / "standalone_inputs.h").write_text(
        "#include <stdint.h>\nextern const void *const standalone_inputs[];\n"
    )
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "standalone_inputs.h"\n'
        f"int main(void) {{ return fwrite(standalone_inputs[0], {array.nbytes}, 1, stdout) != 1; }}\n"
    )
    flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-I."]
    subprocess.run(["gcc", *flags, "main.c", "standalone_inputs.c", "-o", "main"], cwd=tmp_path, check=True)
    done = subprocess.run([tmp_path / "main"], capture_output=True, check=True)
    assert done.stdout == array.tobytes()
