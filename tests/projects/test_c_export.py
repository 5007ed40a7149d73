"""The C export in other people's builds: CMake, Make, arm-none-eabi-gcc, a Cortex-M7's memory map."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from microtvm_project.elf import read_elf
from tests.unit.cli.conftest import run_app

ARM = ["-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"]
STRICT = [
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wmissing-prototypes",
    "-Wstrict-prototypes",
    "-Wshadow",
    "-Werror",
]

# An STM32F746's memories, as its data sheet says (RM0385, 2.2.2), and the least that a program needs to link.
LINKER_SCRIPT = """
ENTRY(reset)
MEMORY {
  FLASH (rx) : ORIGIN = 0x08000000, LENGTH = 1M
  DTCM (rw)  : ORIGIN = 0x20000000, LENGTH = 64K
  SRAM (rw)  : ORIGIN = 0x20010000, LENGTH = 256K
}
SECTIONS {
  .vectors : { KEEP(*(.vectors)) } > FLASH
  .text : { *(.text*) *(.rodata*) } > FLASH
  .data : { *(.data*) } > SRAM AT > FLASH
  .bss (NOLOAD) : { *(.bss*) *(COMMON) end = .; } > SRAM
  /DISCARD/ : { *(.ARM.exidx*) }
}
"""

MAIN = """
#include <stdint.h>
@INCLUDES@
void reset(void);
__attribute__((section(".vectors"), used)) static const struct {
  uintptr_t stack;
  void (*reset)(void);
} vectors = {0x20010000, reset};
static uint64_t arena[8192];
volatile int32_t status;
void reset(void) {
  @CALLS@
  for (;;) {
  }
}
"""

TOOLCHAIN = """
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_FLAGS_INIT "-mcpu=cortex-m7 -mthumb -mfpu=fpv5-sp-d16 -mfloat-abi=hard")
"""


def call(*command: object, cwd: Path) -> str:
    done = subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in (done.stdout + done.stderr).lower(), done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def exported(tmp_path, small_artifact, streamed_artifact) -> Path:
    """An empty project with two models in it."""
    for artifact in (small_artifact, streamed_artifact):
        code = run_app(
            ["project", "create", str(artifact), "-t", "c", "-o", str(tmp_path / artifact.name), "-q"]
        )
        assert code == 0
    return tmp_path


def write_main(folder: Path, names: list[str]) -> None:
    includes = "\n".join(f'#include "tvmgen_{n}.h"' for n in names)
    calls = "\n  ".join(f"status = tvmgen_{n}_model.run(arena, 0);" for n in names)
    (folder / "main.c").write_text(MAIN.replace("@INCLUDES@", includes).replace("@CALLS@", calls))
    (folder / "link.ld").write_text(LINKER_SCRIPT)


def assert_in_place(elf: Path, names: list[str]) -> None:
    found = read_elf(elf)
    assert not any(name.startswith(".data") for name, size in found.sections.items() if size)
    models = [s for s in found.symbols if s.name in {f"tvmgen_{n}_model" for n in names}]
    assert len(models) == len(names)
    assert all(0x08000000 <= s.address < 0x08100000 for s in models)
    (arena,) = (s for s in found.symbols if s.name == "arena")
    assert 0x20010000 <= arena.address < 0x20050000


def test_cmake_in_an_empty_project(exported):
    (exported / "toolchain.cmake").write_text(TOOLCHAIN)
    (exported / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(empty LANGUAGES C)\n"
        f"add_compile_options({' '.join(STRICT)})\n"
        "add_subdirectory(small)\nadd_subdirectory(rows)\nadd_executable(firmware main.c)\n"
        "target_link_libraries(firmware PRIVATE tvm_patch::small tvm_patch::rows)\n"
        "target_link_options(firmware PRIVATE -nostartfiles -T ${CMAKE_SOURCE_DIR}/link.ld -Wl,--gc-sections)\n"
    )
    write_main(exported, ["small", "rows"])
    call("cmake", "-S", ".", "-B", "build", "-DCMAKE_TOOLCHAIN_FILE=toolchain.cmake", cwd=exported)
    call("cmake", "--build", "build", cwd=exported)
    assert_in_place(exported / "build" / "firmware", ["small", "rows"])


def test_make_in_an_empty_project(exported):
    """Two models in one program."""
    (exported / "Makefile").write_text(
        "include small/model.mk\ninclude rows/model.mk\n"
        "firmware.elf: main.c $(TVM_PATCH_SOURCES)\n"
        f"\tarm-none-eabi-gcc -std=c11 -O3 {' '.join(ARM + STRICT)} $(TVM_PATCH_CFLAGS) $^ "
        "-nostartfiles -T link.ld -Wl,--gc-sections -ffunction-sections -o $@\n"
    )
    write_main(exported, ["small", "rows"])
    call("make", cwd=exported)
    assert_in_place(exported / "firmware.elf", ["small", "rows"])


def test_objects_depend_on_compiler_and_flags(exported):
    folder = exported / "small"
    library = folder / "build" / "libtvm_patch_small.a"
    call("make", cwd=folder)
    first = library.read_bytes()
    assert "gcc" not in call("make", cwd=folder)
    assert "-O0" in call("make", "CFLAGS=-O0", cwd=folder)
    assert library.read_bytes() != first
    arm = ["CC=arm-none-eabi-gcc", "AR=arm-none-eabi-ar", f"ARCH={' '.join(ARM)}"]
    assert "arm-none-eabi-gcc" in call("make", *arm, cwd=folder)
    assert "model/codegen" not in call("make", *arm, cwd=folder)


def test_the_board_that_the_code_is_for_is_said(exported, capsys):
    run_app(
        ["project", "create", str(exported / "small" / "model"), "-t", "c", "-o", str(exported / "again")]
    )
    assert "its code was made for qemu_m7" in capsys.readouterr().out
    assert "Its kernels were chosen for qemu_m7" in (exported / "again" / "README.md").read_text()


def test_library_for_a_board(exported, capsys):
    assert run_app(["project", "build", str(exported / "small"), "-O", "board=nucleo_f746zg"]) == 0
    listed = call("arm-none-eabi-nm", "build/libtvm_patch_small.a", cwd=exported / "small")
    # Nothing is called for but memcpy and memset.
    wanted = {line.split()[1] for line in listed.splitlines() if line.strip().startswith("U ")}
    defined = {line.split()[2] for line in listed.splitlines() if len(line.split()) == 3}
    assert wanted - defined <= {"memcpy", "memset", "memmove"}


@pytest.mark.parametrize("name", ["small", "rows"])
def test_the_example_runs(exported, name):
    assert run_app(["project", "build", str(exported / name), "-q"]) == 0
    printed = call("build/example", cwd=exported / name)
    assert "5 bytes" in printed
    # The same with CMake.
    call("cmake", "-S", ".", "-B", "build/cmake", "-DTVM_PATCH_EXAMPLE=ON", cwd=exported / name)
    call("cmake", "--build", "build/cmake", cwd=exported / name)
    assert call("build/cmake/example", cwd=exported / name) == printed
