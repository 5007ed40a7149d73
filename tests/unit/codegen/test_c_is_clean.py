"""Generated C compiles without a warning as C11 and C++17 everywhere, and runs clean under sanitizers."""

from __future__ import annotations

import subprocess
from functools import cache

import pytest

import tvm_patch
from microtvm_project.boards import get_board
from microtvm_project.toolchain import Toolchain
from tests.unit.codegen.networks import small_network
from tvm_patch.driver import check, random_inputs
from tvm_patch.tflite.writer import write_model
from tvm_patch.zoo.registry import build

NETWORKS = {
    "small": small_network,
    "mcunet": lambda: write_model(build("mcunet_vww0", resolution=48)),
    "dscnn": lambda: write_model(build("mlperf_kws")),
    "resnet8": lambda: write_model(build("mlperf_ic")),
    "squeeze": lambda: write_model(build("mnasnet_a1", width=0.25, resolution=48, classes=4)),
}
STRICT = [
    *("-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wshadow", "-Wconversion", "-Wsign-conversion"),
    *("-Wcast-align", "-Wcast-qual", "-Wundef", "-Wvla", "-Wdouble-promotion"),
]
ARM = ["-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"]
CLANG_ARM = Toolchain.of(get_board("qemu_m7"), "clang")
COMPILERS = {
    "gcc-c11": ["gcc", "-std=c11"],
    "clang-c11": ["clang", "-std=c11"],
    "arm-c11": ["arm-none-eabi-gcc", "-std=c11", *ARM],
    "clang-arm-c11": ["clang", *CLANG_ARM.target, "-std=c11", *ARM],
    "gcc-cpp17": ["gcc", "-x", "c++", "-std=c++17"],
    "clang-cpp17": ["clang", "-x", "c++", "-std=c++17"],
    "arm-cpp17": ["arm-none-eabi-gcc", "-x", "c++", "-std=c++17", *ARM],
    "clang-arm-cpp17": ["clang", *CLANG_ARM.target, "-x", "c++", "-std=c++17", *ARM],
}


@cache
def _artifact(network: str):
    return tvm_patch.compile(NETWORKS[network](), name=network)


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("network", NETWORKS)
def test_no_warnings(network, compiler, tmp_path):
    folder = _artifact(network).save(tmp_path / "artifact")
    meta = _artifact(network).metadata
    includes = [f"-I{folder / d}" for d in meta.include_dirs]
    for source in meta.sources:
        command = [
            *COMPILERS[compiler],
            *STRICT,
            "-O1",
            "-c",
            *includes,
            str(folder / source),
            "-o",
            "/dev/null",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[:2000]


# gcc takes a minute for the larger two under sanitizers.
_SANITIZED = [
    pytest.param(n, marks=pytest.mark.verify if n in ("mcunet", "squeeze") else ()) for n in NETWORKS
]


@pytest.mark.parametrize("network", _SANITIZED)
def test_sanitizers_find_nothing(network):
    data = NETWORKS[network]()
    artifact = _artifact(network)
    inputs = random_inputs(artifact, 3)
    result = artifact.run(inputs, board="host", profile=False, sanitize=True, optimize="-O1")
    assert check(artifact, data, inputs, result.outputs).bit_exact
