"""The C interface of fetched inputs, from C and C++: errors come out, the arena stays whole, the next run is right."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest

import tvm_patch
from tests.unit.codegen.networks import small_network
from tests.unit.codegen.test_c_is_clean import COMPILERS, STRICT
from tvm_patch.oracle import run_oracle

PROGRAM = r"""
#include <stdio.h>
#include <string.h>
#include "tvmgen_small.h"

enum { ROWS = TVMGEN_SMALL_INPUT_IMAGE_ROWS, ROW = TVMGEN_SMALL_INPUT_IMAGE_ROW_SIZE, GUARD = 64 };
struct camera { int8_t image[ROWS][ROW]; int fail_at; uint32_t next; int calls, disorder, after_failure, failed; };

static int grab(void *ctx, uint32_t row, int8_t *dst) {
  struct camera *c = (struct camera *)ctx;
  c->calls += 1;
  c->after_failure += c->failed;
  c->disorder += row != c->next++;
  if ((int)row == c->fail_at) { c->failed = 1; return 1234; }
  memcpy(dst, c->image[row], ROW);
  return 0;
}

static struct camera camera;
static uint64_t memory[(GUARD + TVMGEN_SMALL_ARENA_SIZE + GUARD + 7) / 8];

static int32_t infer(int fail_at, int8_t *out) {
  const struct tvmgen_small_inputs inputs = {{grab, &camera}};
  struct tvmgen_small_outputs outputs;
  memset(&outputs, 0, sizeof outputs);
  outputs.softmax_7 = out;
  camera.fail_at = fail_at;
  camera.next = 0;
  camera.calls = camera.disorder = camera.after_failure = camera.failed = 0;
  return tvmgen_small_run_in((uint8_t *)memory + GUARD, &inputs, &outputs);
}

int main(int argc, char **argv) {
  uint8_t *const arena = (uint8_t *)memory + GUARD;
  const struct tvm_patch_row_source none[1] = {{NULL, NULL}};
  const struct tvmgen_small_inputs empty = {{NULL, NULL}};
  int8_t first[TVMGEN_SMALL_OUTPUT_SOFTMAX_7_SIZE], again[sizeof first];
  FILE *file = fopen(argv[argc - 1], "rb");
  if (file == NULL || fread(camera.image, 1, sizeof camera.image, file) != sizeof camera.image) return 100;
  (void)fclose(file);
  memset(memory, 0x5A, sizeof memory);
  if (tvmgen_small_model.num_row_sources != 1 || tvmgen_small_model.inputs[0].row_source != 0) return 1;
  if (tvmgen_small_model.inputs[0].arena_offset != UINT32_MAX) return 2;
  if (tvmgen_small_model.run(arena, NULL) != TVM_PATCH_ERROR_ROW_SOURCE) return 3;
  if (tvmgen_small_model.run(arena, none) != TVM_PATCH_ERROR_ROW_SOURCE) return 4;
  if (tvmgen_small_run_in(arena, NULL, NULL) != TVM_PATCH_ERROR_ROW_SOURCE) return 5;
  if (tvmgen_small_run_in(arena, &empty, NULL) != TVM_PATCH_ERROR_ROW_SOURCE) return 6;
  if (tvmgen_small_run_in(NULL, &empty, NULL) != TVM_PATCH_ERROR_ARENA) return 7;
  if (tvmgen_small_run_in(arena + 4, &empty, NULL) != TVM_PATCH_ERROR_ARENA) return 13;
  if (tvmgen_small_model.run(NULL, none) != TVM_PATCH_ERROR_ARENA) return 14;
  if (tvmgen_small_model.run(arena + 1, none) != TVM_PATCH_ERROR_ARENA) return 15;
  if (infer(-1, first) != TVM_PATCH_OK || camera.calls != ROWS || camera.disorder != 0) return 8;
  for (int row = 0; row < ROWS; ++row) {
    memset(again, 99, sizeof again);
    if (infer(row, again) != 1234 || camera.after_failure != 0 || camera.calls != row + 1) return 9;
    for (size_t i = 0; i < sizeof again; ++i) if (again[i] != 99) return 10;
    if (infer(-1, again) != TVM_PATCH_OK || memcmp(first, again, sizeof first) != 0) return 11;
  }
  for (int i = 0; i < GUARD; ++i) {
    if (((uint8_t *)memory)[i] != 0x5A || arena[TVMGEN_SMALL_ARENA_SIZE + i] != 0x5A) return 12;
  }
  return fwrite(first, 1, sizeof first, stdout) == sizeof first ? 0 : 101;
}
"""
NATIVE = ["gcc-c11", "clang-c11", "gcc-cpp17", "clang-cpp17"]


@pytest.mark.parametrize("compiler", NATIVE)
def test_failing_source_then_good_run(compiler, tmp_path):
    data = small_network()
    artifact = tvm_patch.compile(data, name="small", input_mode="streamed")
    folder = artifact.save(tmp_path / "artifact")
    (tmp_path / "main.c").write_text(PROGRAM)
    image = np.random.default_rng(1).integers(-128, 128, (1, 9, 7, 3)).astype(np.int8)
    (tmp_path / "image").write_bytes(image.tobytes())
    sources = [str(folder / s) for s in artifact.metadata.sources]
    includes = [f"-I{folder / d}" for d in artifact.metadata.include_dirs]
    sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"] if compiler == "gcc-c11" else []
    command = [*COMPILERS[compiler], *STRICT, *sanitize, "-O1", *includes, str(tmp_path / "main.c"), *sources]
    built = subprocess.run(
        [*command, "-o", str(tmp_path / "a.out")], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr[:2000]
    done = subprocess.run([tmp_path / "a.out", tmp_path / "image"], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(
        np.frombuffer(done.stdout, np.int8), run_oracle(data, [image]).outputs[0].ravel()
    )


@pytest.mark.parametrize("compiler", ["arm-c11", "arm-cpp17"])
@pytest.mark.parametrize("mode", ["rereadable", "streamed"])
def test_no_warnings_for_the_board(compiler, mode, tmp_path):
    folder = (artifact := tvm_patch.compile(small_network(), board="qemu_m7", input_mode=mode)).save(
        tmp_path / "a"
    )
    includes = [f"-I{folder / d}" for d in artifact.metadata.include_dirs]
    for source in artifact.metadata.sources:
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
