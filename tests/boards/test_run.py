"""Artifacts on the host and in QEMU: outputs, counts, memory, and what happens when things go wrong."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from microtvm_project import FirmwareOverflowError, build_firmware, run, run_firmware
from tvm_patch.errors import BoardError, DoesNotFitError, InputError, ToolMissingError, UserError

QEMU = ["qemu_m7", "qemu_m4"]

# The address escapes, so that the compiler keeps the array and what is written to it.
ESCAPE = """
static inline void escape(char *p) { __asm volatile("" ::"r"(p) : "memory"); }
static __attribute__((noinline)) void use_stack(void) { char a[%d]; escape(a); a[0] = 1; escape(a); }
"""


def sets(count: int) -> list[list[np.ndarray]]:
    rng = np.random.default_rng(7)
    return [[rng.integers(-128, 128, (1, 64), dtype=np.int8)] for _ in range(count)]


def loop(turns: int) -> str:
    return f'uint32_t n = {turns}u; __asm volatile("1: subs %0, #1\\n bne 1b" : "+r"(n) : : "cc");'


@pytest.mark.parametrize("board", ["host", *QEMU])
def test_outputs_of_a_batch(make_artifact, board):
    inputs = sets(5)
    result = run(make_artifact(), board, inputs)
    assert len(result.outputs) == 5
    for (x,), (y,) in zip(inputs, result.outputs, strict=True):
        np.testing.assert_array_equal(y, x + np.int8(1))
    if board == "host":
        assert result.instructions is None
        assert result.sram_bytes is None
    else:
        assert len(result.set_instructions) == 5
        assert len(set(result.set_instructions)) == 1
        assert len(result.operator_instructions) == 3


def test_inputs_by_name_and_no_inputs(make_artifact):
    artifact = make_artifact()
    (x,) = sets(1)[0]
    np.testing.assert_array_equal(run(artifact, "host", [{"x": x}]).outputs[0][0], x + np.int8(1))
    assert run(artifact, "host", []).outputs == []
    with pytest.raises(InputError, match="'z'"):
        run(artifact, "host", [{"z": x}])
    with pytest.raises(InputError, match=r"set 0: 'x' is int16 \(1, 64\)"):
        run(artifact, "host", [[x.astype(np.int16)]])


def test_a_read_of_what_was_never_written_shows(make_artifact):
    artifact = make_artifact("arena[64] = arena[200];", arena=256)
    for board in ("host", "qemu_m7"):
        result = run(artifact, board, sets(1) * 2, profile=False)
        assert (result.outputs[0][0] != result.outputs[1][0]).sum() == 1


@pytest.mark.parametrize("board", QEMU)
def test_counter_is_exact(make_artifact, board):
    """A run function of two instructions, and loops of two instructions a turn."""
    two = """static __attribute__((naked)) int32_t two(void *a, const struct tvm_patch_row_source *s) {
      (void)a, (void)s;
      __asm volatile("movs r0, #0\\n bx lr");
    }"""
    artifact = make_artifact(extra=two, entry="two")
    assert run(artifact, board, sets(1), profile=False).instructions == 2
    for turns in (
        1,
        19,
        20,
        1_000,
        20_000_000,
    ):  # the last: more than the 2^24 ticks of a SysTick would hold at 40
        result = run(make_artifact(loop(turns)), board, sets(2))
        assert len(set(result.set_instructions)) == 1
        # One instruction to load a small number, two for one that needs movw and movt.
        assert abs(result.operator_instructions[2] - 2 * turns) <= 3
        # A function that calls hooks saves registers that one without them need not.
        assert abs(sum(result.operator_instructions) - result.instructions) <= 4


def test_counts_are_the_same_every_time(make_artifact, tmp_path):
    firmware = build_firmware(make_artifact(loop(12345)), "qemu_m7", tmp_path / "out", profile=True)
    first, second = (run_firmware(firmware, sets(3)) for _ in range(2))
    assert first.set_instructions == second.set_instructions
    assert first.operator_instructions == second.operator_instructions


def test_operators_that_run_in_pieces_add_up(make_artifact):
    whole = run(make_artifact(loop(1000)), "qemu_m7", sets(1)).operator_instructions
    pieces = run(make_artifact(f"{{{loop(1000)}}} DONE(1); {{{loop(1000)}}}"), "qemu_m7", sets(1))
    assert pieces.operator_instructions[1] - whole[1] == pytest.approx(2000, abs=3)
    assert pieces.operator_instructions[2] == pytest.approx(2000, abs=3)


@pytest.mark.parametrize("board", QEMU)
def test_memory_is_weighed(make_artifact, board):
    extra = ESCAPE % 1024 + "static int32_t data[5] = {1}, bss[7]; static const int32_t table[100] = {1};"
    body = "use_stack(); bss[arena[0] & 3] += data[arena[1] & 3]++ + table[arena[2] & 63];"
    plain = run(make_artifact(), board, sets(1), profile=False)
    result = run(make_artifact(body + "arena[64] = (int8_t)bss[1];", extra), board, sets(1), profile=False)
    assert result.arena_bytes == 128
    assert plain.static_bytes == 0
    assert result.static_bytes == 20 + 28
    # The array's lowest byte is written; besides it a few saved registers.
    assert 1024 <= result.stack_bytes - plain.stack_bytes <= 1024 + 64
    assert plain.stack_bytes <= 64
    assert result.sram_bytes == 128 + 48 + result.stack_bytes
    assert result.flash_bytes == result.model_flash_bytes + result.sections.get(".library", 0) + 20
    assert 400 + 20 <= result.flash_bytes - plain.flash_bytes <= 400 + 20 + 200
    assert result.elf_flash_bytes > result.flash_bytes


def test_library_functions_count_as_flash(make_artifact):
    body = (
        "int8_t copy[64]; memcpy(copy, arena + 64, (size_t)(arena[0] & 63)); arena[64] = copy[arena[1] & 63];"
    )
    result = run(make_artifact(body, "#include <string.h>"), "qemu_m7", sets(1), profile=False)
    assert result.sections[".library"] > 50


def test_sram_that_does_not_fit(make_artifact):
    with pytest.raises(FirmwareOverflowError, match=r"nucleo_f746zg.* 49,152 bytes more SRAM") as caught:
        run(make_artifact(arena=300 * 1024), "qemu_m7", sets(1), as_board="nucleo_f746zg")
    assert isinstance(caught.value, DoesNotFitError)
    assert caught.value.overflow == {"SRAM": 300 * 1024 + 4096 - 256 * 1024}
    # To the byte: what is left beside the stack fits, eight more do not.
    room = 256 * 1024 - 4096
    assert run(make_artifact(arena=room), "qemu_m4", sets(1), as_board="nucleo_f412zg").arena_bytes == room
    with pytest.raises(FirmwareOverflowError, match=" 8 bytes more SRAM"):
        run(make_artifact(arena=room + 8), "qemu_m4", sets(1), as_board="nucleo_f412zg")


def test_flash_that_does_not_fit(make_artifact):
    big = "extern const char big[1100000]; const char big[1100000] = {1};"
    artifact = make_artifact("arena[64] = big[arena[0] & 63];", big)
    with pytest.raises(FirmwareOverflowError, match="FLASH") as caught:
        run(artifact, "qemu_m7", sets(1), as_board="stm32f746g_disco")
    assert 1100000 - 1024 * 1024 < caught.value.overflow["FLASH"] < 1100000 - 1024 * 1024 + 2000
    assert run(artifact, "qemu_m7", sets(1), as_board="nucleo_h743zi").flash_bytes > 1100000


@pytest.mark.parametrize("board", QEMU)
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("*(volatile int *)0 = 1;", r"faulted.*\n.*pc 0x[0-9a-f]{8} \(run\).*address 0x00000000"),
        ("arena[64] = *(volatile int8_t *)0x1ffffff0;", "faulted(.|\n)*address 0x1ffffff0"),
        ("((volatile int32_t *)(uintptr_t)shape)[0] = 1;", "faulted"),
        ('__asm volatile("udf #0");', r"faulted.*\n.*\(run\)"),
        ("arena[128] = 1;", "wrote outside its arena"),
    ],
)
def test_faults_are_reported(make_artifact, board, body, message):
    with pytest.raises(BoardError, match=message):
        run(make_artifact(body), board, sets(1), profile=False)


@pytest.mark.parametrize("size", [4096, 20000])
def test_stack_overflow_is_reported(make_artifact, size):
    artifact = make_artifact("use_stack();", ESCAPE % size)
    with pytest.raises(BoardError, match="stack needs more than the 4096 bytes"):
        run(artifact, "qemu_m7", sets(1), profile=False)
    assert run(artifact, "qemu_m7", sets(1), profile=False, stack_bytes=32768).stack_bytes > size


@pytest.mark.parametrize("board", ["host", "qemu_m7"])
def test_error_code_of_the_model(make_artifact, board):
    with pytest.raises(BoardError, match=r"run function returned an error \(-42\)"):
        run(make_artifact(status="-42"), board, sets(1), profile=False)


def test_crash_on_the_host(make_artifact):
    with pytest.raises(BoardError, match="killed by signal"):
        run(make_artifact("__builtin_trap();"), "host", sets(1))


def _processes_in(folder: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder) in os.readlink(process / "cwd"):
                found.append(process.name)
        except OSError:
            continue
    return found


@pytest.mark.parametrize("board", ["host", "qemu_m7"])
def test_endless_loop_is_stopped(make_artifact, board, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    firmware = build_firmware(make_artifact('for (;;) __asm volatile("");'), board, tmp_path / "out")
    start = time.monotonic()
    with pytest.raises(BoardError, match="has not ended in time"):
        run_firmware(firmware, sets(1), timeout=1.0)
    assert time.monotonic() - start < 4
    assert list(scratch.iterdir()) == []
    assert _processes_in(scratch) == []


@pytest.mark.parametrize(
    ("board", "missing", "package"),
    [("qemu_m7", "arm-none-eabi-gcc", "gcc-arm-none-eabi"), ("host", "gcc", "gcc")],
)
def test_missing_compiler(make_artifact, board, missing, package, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissingError, match=f"{missing} is not installed.*apt install {package}"):
        run(make_artifact(), board, sets(1))


def test_missing_qemu(make_artifact, monkeypatch, tmp_path):
    firmware = build_firmware(make_artifact(), "qemu_m7", tmp_path / "out")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissingError, match="apt install qemu-system-arm"):
        run_firmware(firmware, sets(1))


def test_code_that_does_not_compile(make_artifact):
    with pytest.raises(BoardError, match=r"error: .*nonsense"):
        run(make_artifact("nonsense;"), "qemu_m7", sets(1))
    with pytest.raises(BoardError, match="unused variable"):
        run(make_artifact("int unused;"), "host", sets(1))


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_sanitizers_on_the_host(make_artifact, compiler):
    options = {"compiler": compiler, "sanitize": True}
    try:
        result = run(make_artifact(), "host", sets(2), **options)
    except BoardError as e:
        if "cannot find" in str(e) and "asan" in str(e):
            pytest.skip(f"{compiler} has no sanitizer runtime here")
        raise
    assert len(result.outputs) == 2
    with pytest.raises(BoardError, match="SUMMARY: AddressSanitizer: heap-buffer-overflow"):
        run(make_artifact("arena[64] = arena[128];"), "host", sets(1), **options)
    overflow = "int32_t big = INT32_MAX - (arena[0] & 0); big += 1 + (arena[1] & 0); arena[64] = (int8_t)big;"
    with pytest.raises(BoardError, match="signed integer overflow"):
        run(make_artifact(overflow), "host", sets(1), **options)


def test_boards_that_cannot_run(make_artifact):
    artifact = make_artifact()
    with pytest.raises(UserError, match="use board qemu_m4 as nucleo_f412zg"):
        run(artifact, "nucleo_f412zg", sets(1))
    with pytest.raises(UserError, match="cannot stand for nucleo_f412zg"):
        run(artifact, "qemu_m7", sets(1), as_board="nucleo_f412zg")
    with pytest.raises(UserError, match="host cannot stand for"):
        run(artifact, "host", sets(1), as_board="nucleo_f412zg")
    with pytest.raises(UserError, match="unknown board 'nucleo'; known are host, qemu_m7"):
        run(artifact, "nucleo", sets(1))


def test_header_in_c_and_cpp(make_artifact, tmp_path):
    include = make_artifact() / "codegen/host/include"
    for compiler, name, standard in [
        ("gcc", "t.c", "c11"),
        ("g++", "t.cc", "c++11"),
        ("clang", "t.c", "c11"),
    ]:
        source = tmp_path / name
        source.write_text('#define TVM_PATCH_PROFILE\n#include "tvm_patch_runtime.h"\n')
        flags = [
            f"-std={standard}",
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Werror",
            f"-I{include}",
            "-fsyntax-only",
        ]
        subprocess.run([compiler, *flags, str(source)], check=True)
