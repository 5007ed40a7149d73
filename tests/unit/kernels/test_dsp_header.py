"""tvm_patch_dsp.h compiles without warnings everywhere it is meant to."""

from __future__ import annotations

import shutil
import subprocess
from importlib import resources
from pathlib import Path

import pytest

CORTEX_M = ("-mcpu=cortex-m7", "-mthumb")
PLAIN_M = ("-mcpu=cortex-m3", "-mthumb")


@pytest.mark.parametrize(
    "command",
    [
        ("gcc", "-std=c11"),
        ("g++", "-std=c++17"),
        ("clang", "-std=c11"),
        ("clang++", "-std=c++17"),
        ("arm-none-eabi-gcc", "-std=c11", *CORTEX_M),
        ("arm-none-eabi-g++", "-std=c++17", *CORTEX_M),
        ("arm-none-eabi-gcc", "-std=c11", *PLAIN_M),
    ],
    ids=" ".join,
)
def test_header_compiles_without_warnings(command: tuple[str, ...], tmp_path: Path) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    source = tmp_path / ("use.cc" if "++" in command[0] else "use.c")
    source.write_text('#include "tvm_patch_dsp.h"\nint main(void) { return 0; }\n')
    headers = str(resources.files("tvm_patch.codegen").joinpath("runtime"))
    warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    built = subprocess.run(
        [*command, "-O2", *warnings, "-I", headers, "-c", str(source), "-o", str(tmp_path / "use.o")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr


DSP = {"smlad", "sxtb16", "smmulr", "ssat"}


def test_cortex_m7_uses_its_dsp_instructions(tmp_path: Path) -> None:
    compiler = shutil.which("arm-none-eabi-gcc")
    if compiler is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    source = tmp_path / "use.c"
    source.write_text(
        '#include "tvm_patch_dsp.h"\n'
        "int32_t dot(const int8_t *x, const int8_t *w, int32_t m, int32_t s) {\n"
        "  const uint32_t a = tvmp_load4(x), b = tvmp_load4(w);\n"
        "  const int32_t even = tvmp_smlad(tvmp_sxtb16(a), tvmp_sxtb16(b), 0);\n"
        "  return tvmp_requantize(tvmp_smlad(tvmp_sxtb16_ror8(a), tvmp_sxtb16_ror8(b), even), m, s, 7);\n"
        "}\n"
    )
    headers = str(resources.files("tvm_patch.codegen").joinpath("runtime"))
    done = subprocess.run(
        [compiler, *CORTEX_M, "-O2", "-I", headers, "-S", str(source), "-o", "-"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    words = {line.split()[0] for line in done.stdout.splitlines() if line.split()}
    assert words >= DSP
    assert len([line for line in done.stdout.splitlines() if "sxtb16" in line and "ror #8" in line]) == 2
