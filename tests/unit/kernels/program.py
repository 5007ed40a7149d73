"""Compiles generated functions with a test's ``main`` and runs them: on the host, or on the emulated Cortex-M7.

Every pointer parameter is a heap block of exactly its size.  On the host AddressSanitizer sees each access outside;
on the Cortex-M7, where the assembly runs, writes outside are found by the bytes around each block.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from microtvm_project.runners import qemu
from tvm_patch.codegen.print_c import print_c
from tvm_patch.codegen.runtime_headers import helpers
from tvm_patch.kernels.c.arm.function import functions_of

Machine = Literal["host", "cortex-m7"]
MACHINES: tuple[Machine, ...] = ("host", "cortex-m7")

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wno-unused-parameter", "-Wno-unused-function"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
_HERE = Path(__file__).parent / "cortex_m7"

PRELUDE = r"""
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tvm_patch_dsp.h"
#include "tvm_patch_rows.h"
static FILE *from, *to;
#ifdef __arm__
/* Each block lies between two guards of 16 bytes; its size is kept before the first. */
enum { GUARD = 16 };
static void *block(size_t n) {
  unsigned char *p = (unsigned char *)malloc(n + 3 * GUARD);
  if (!p) { exit(5); }
  memcpy(p, &n, sizeof n);
  memset(p + GUARD, 0xA5, GUARD);
  memset(p + 2 * GUARD + n, 0xA5, GUARD);
  return p + 2 * GUARD;
}
static void release(void *block_) {
  unsigned char *p = (unsigned char *)block_ - 2 * GUARD;
  size_t n, i;
  memcpy(&n, p, sizeof n);
  for (i = 0; i < GUARD; ++i) {
    if (p[GUARD + i] != 0xA5 || p[2 * GUARD + n + i] != 0xA5) { puts("a guard was written"); exit(6); }
  }
  free(p);
}
#else
static void *block(size_t n) { void *p = malloc(n ? n : 1); if (!p) { abort(); } return p; }
static void release(void *p) { free(p); }
#endif
static void *get(size_t n) { void *p = block(n); if (fread(p, 1, n, from) != n) { abort(); } return p; }
static void put(void *p, size_t n) { if (fwrite(p, 1, n, to) != n) { abort(); } release(p); }
static inline void *row_of(const void *tensor, long height, size_t row, size_t pixel, long r, size_t before,
                           size_t after, int fill) {
  unsigned char *p = (unsigned char *)block((before + after) * pixel + row);
  memset(p, fill, (before + after) * pixel + row);
  if (r >= 0 && r < height) { memcpy(p + before * pixel, (const unsigned char *)tensor + (size_t)r * row, row); }
  return p;
}
/* The row of a tensor that is nearest to row r. */
static inline long inside(long r, long height) { return r < 0 ? 0 : r < height ? r : height - 1; }
"""


def run_program(
    functions: Mapping[str, Any],
    cases: Sequence[str],
    blob: bytes,
    folder: Path,
    machine: Machine = "host",
    sanitizers: Sequence[str] = (*SANITIZERS, "-O0"),
    compiler: Sequence[str] = ("gcc", "-std=c11"),
) -> bytes:
    """Return what the cases wrote.

    Parameters
    ----------
    functions : mapping of str to PrimFunc
        By C name.
    cases : sequence of str
        Definitions of ``case0``, ``case1``, ..., and of what they call.
    blob : bytes
        What ``get`` reads.
    folder : Path
        For the program and its files.
    machine : {"host", "cortex-m7"}
        Where to run.
    sanitizers, compiler : sequence of str
        Of the host.
    """
    # Asked first, so that nothing is compiled where the emulator is left out.
    emulator = qemu.find_tool("qemu-system-arm") if machine == "cortex-m7" else ""
    texts = print_c(functions, helpers())
    called = {n: t for f in functions.values() for n, t in functions_of(f).items()}
    source = (
        PRELUDE + "".join(called.values()) + "".join(f"static {t}\n" for t in texts.values()) + "".join(cases)
    )
    calls = " ".join(f"case{i}();" for i in range(sum(" case" in c for c in cases)))
    source += f"""int main(void) {{
  from = fopen("input.bin", "rb"); to = fopen("output.bin", "wb");
  if (!from || !to) {{ return 7; }}
  {calls}
  return fclose(to) == 0 ? 0 : 8;
}}
"""
    path, program = folder / ("program.cc" if compiler[0] == "g++" else "program.c"), folder / "program"
    path.write_text(source)
    (folder / "input.bin").write_bytes(blob)
    headers = str(resources.files("tvm_patch.codegen").joinpath("runtime"))
    if machine == "host":
        build = [*compiler, *WARNINGS, *sanitizers]
        run = [str(program)]
    else:
        build = ["arm-none-eabi-gcc", "-std=c11", "-O1", "-mcpu=cortex-m7", "-mthumb", "--specs=rdimon.specs"]
        build += [*WARNINGS, "-Wno-pedantic", str(_HERE / "vectors.c"), f"-Wl,-T,{_HERE / 'link.ld'}"]
        run = [emulator, "-M", "mps2-an500", "-cpu", "cortex-m7", "-nographic", "-monitor", "none"]
        run += ["-serial", "null", "-semihosting-config", "enable=on,target=native", "-kernel", str(program)]
    built = subprocess.run(
        [*build, "-I", headers, str(path), "-o", str(program)], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr[:4000]
    done = subprocess.run(
        run, capture_output=True, check=False, cwd=folder, timeout=600, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")[:4000]
    return (folder / "output.bin").read_bytes()
