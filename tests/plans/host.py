"""Runs many compiled networks in one C program under sanitizers, with guards around everything that a step owns.

Each trial runs inputs A, inputs B and inputs A again, in arenas filled with different rubbish, so that nothing that an
inference leaves behind, and no byte that it did not write itself, can have an influence that goes unnoticed.  Where
rows are fetched there are inferences between them whose row source writes half a row and then fails (in the middle of
the inference, or at every single row if the trial sweeps), or says that all is well.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.plans.guards import Region, with_guards
from tvm_patch.codegen.emit import emit
from tvm_patch.driver.front import Legalized
from tvm_patch.input_mode import InputMode
from tvm_patch.lowering.program import Program
from tvm_patch.planner.placement import Placement

_GUARD = r"""
#include <stdint.h>
void guard_step(void *arena, uint32_t bytes, const uint32_t *regions, uint32_t count);
"""

_MAIN = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "guard.h"
#include "tvm_patch_runtime.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define __asan_poison_memory_region(at, bytes) ((void)(at), (void)(bytes))
#define __asan_unpoison_memory_region(at, bytes) ((void)(at), (void)(bytes))
#endif

struct trial { const char *name; const struct tvm_patch_model *model; int streamed, sweeps; };
@DECLARE@
static const struct trial trials[] = { @TRIALS@ };

void guard_step(void *arena, uint32_t bytes, const uint32_t *regions, uint32_t count) {
  __asan_poison_memory_region(arena, bytes);
  for (uint32_t i = 0; i < count; ++i) {
    __asan_unpoison_memory_region((char *)arena + regions[2 * i], regions[2 * i + 1]);
  }
}

static void fail(const struct trial *t, const char *what) {
  fprintf(stderr, "%s: %s\n", t->name, what);
  exit(3);
}

struct source { uint32_t calls, bad_call; int code, failed; };
struct input { const struct trial *trial; struct source *shared; int8_t *data; uint32_t rows, row_bytes, next; };

static int read_row(void *ctx, uint32_t row, int8_t *dst) {
  struct input *in = (struct input *)ctx;
  if (in->shared->failed) fail(in->trial, "a row is asked for after one has failed");
  if (row >= in->rows) fail(in->trial, "a row is asked for that does not exist");
  if (in->trial->streamed && row != in->next) fail(in->trial, "streamed rows are asked for out of order");
  in->next = row + 1;
  const int8_t *from = in->data + row * in->row_bytes;
  if (in->shared->calls++ == in->shared->bad_call) {
    memcpy(dst, from, in->row_bytes / 2);
    in->shared->failed = in->shared->code != 0;
    return in->shared->code;
  }
  memcpy(dst, from, in->row_bytes);
  return 0;
}

static int32_t infer(const struct trial *t, struct input *inputs, int salt, struct source *rows, int8_t *out) {
  const struct tvm_patch_model *m = t->model;
  struct tvm_patch_row_source sources[8];
  void *block = NULL;
  if (posix_memalign(&block, 8, m->arena_bytes + 1) != 0) abort();
  uint8_t *arena = (uint8_t *)block;
  memset(arena, salt, m->arena_bytes);
  __asan_poison_memory_region(arena + m->arena_bytes, 1);
  for (uint32_t i = 0; i < m->num_inputs; ++i) {
    const struct tvm_patch_tensor *x = &m->inputs[i];
    if (x->row_source < 0) {
      memcpy(arena + x->arena_offset, inputs[i].data, x->bytes);
    } else {
      inputs[i].rows = (uint32_t)x->shape[1];
      inputs[i].row_bytes = x->bytes / inputs[i].rows;
      inputs[i].next = 0;
      inputs[i].shared = rows;
      sources[x->row_source] = (struct tvm_patch_row_source){read_row, &inputs[i]};
    }
  }
  const int32_t status = m->run(arena, m->num_row_sources ? sources : NULL);
  __asan_unpoison_memory_region(arena, m->arena_bytes);
  for (uint32_t i = 0; i < m->num_outputs; ++i) {
    memcpy(out, arena + m->outputs[i].arena_offset, m->outputs[i].bytes);
    out += m->outputs[i].bytes;
  }
  free(block);
  return status;
}

/* Half a row and an error, or half a row and no word of it. */
static void spoil(const struct trial *t, struct input *inputs, uint32_t call, int8_t *out) {
  struct source failing = {0, call, 77 + (int)call, 0}, silent = {0, call, 0, 0};
  if (infer(t, inputs, 0x11, &failing, out) != failing.code) fail(t, "the row source's code did not come out");
  if (failing.calls != call + 1) fail(t, "rows are asked for after the one that failed");
  if (infer(t, inputs, 0x22, &silent, out) != TVM_PATCH_OK) fail(t, "half a row is taken for an error");
}

int main(void) {
  for (size_t n = 0; n < sizeof trials / sizeof trials[0]; ++n) {
    const struct trial *t = &trials[n];
    const struct tvm_patch_model *m = t->model;
    fprintf(stderr, "%s\n", t->name);
    struct input sets[2][8];
    size_t size = 0;
    for (uint32_t i = 0; i < m->num_outputs; ++i) size += m->outputs[i].bytes;
    int8_t *out = (int8_t *)malloc(size);
    for (int s = 0; s < 2; ++s) {
      for (uint32_t i = 0; i < m->num_inputs; ++i) {
        sets[s][i].trial = t;
        sets[s][i].data = (int8_t *)malloc(m->inputs[i].bytes);
        if (fread(sets[s][i].data, 1, m->inputs[i].bytes, stdin) != m->inputs[i].bytes) abort();
      }
    }
    for (int s = 0; s < 3; ++s) {
      struct source rows = {0, UINT32_MAX, 0, 0};
      if (infer(t, sets[s % 2], 0x35 + 0x51 * s, &rows, out) != TVM_PATCH_OK) fail(t, "run returned an error");
      if (fwrite(out, 1, size, stdout) != size) abort();
      if (s == 1 && rows.calls) {
        for (uint32_t call = t->sweeps ? 0 : rows.calls / 2; call < rows.calls; ++call) {
          spoil(t, sets[1], call, out);
          if (!t->sweeps) break;
        }
      }
    }
    for (int s = 0; s < 2; ++s) for (uint32_t i = 0; i < m->num_inputs; ++i) free(sets[s][i].data);
    free(out);
  }
  return 0;
}
"""


@dataclass(frozen=True)
class Trial:
    """One network under one plan, to be compiled and run.

    Attributes
    ----------
    legalized : Legalized
        The network; its name is the trial's and must be its own.
    program : Program
        Lowered under the plan.
    placement : Placement
        Its arena.
    regions : list of list of Region
        What each step may touch.
    mode : {"resident", "rereadable", "streamed"}
    about : str
        What to print when it fails: all that reproduces it.
    inputs : tuple of list of ndarray
        Two input sets.
    sweeps : bool
        Whether a row source fails at every row that is asked for, in turn.
    """

    legalized: Legalized
    program: Program
    placement: Placement
    regions: list[list[Region]]
    mode: InputMode
    about: str
    inputs: tuple[list[np.ndarray], list[np.ndarray]]
    sweeps: bool = False

    @property
    def name(self) -> str:
        return self.legalized.name


def run_trials(
    trials: Sequence[Trial], folder: Path, compiler: Sequence[str] = ("gcc", "-O0", "-fsanitize=address")
) -> list[list[list[np.ndarray]]]:
    """Compile and run all trials; return, per trial, the outputs for inputs A, B and A again."""
    (folder / "guard.h").write_text(_GUARD)
    for trial in trials:
        _write(trial, folder)
    declare = "\n".join(f"extern const struct tvm_patch_model tvmgen_{t.name}_model;" for t in trials)
    table = ", ".join(
        f'{{"{t.about}", &tvmgen_{t.name}_model, {int(t.mode == "streamed")}, {int(t.sweeps)}}}'
        for t in trials
    )
    (folder / "main.c").write_text(_MAIN.replace("@DECLARE@", declare).replace("@TRIALS@", table))
    program = _build(["main", *(t.name for t in trials)], folder, compiler)
    job = b"".join(np.ascontiguousarray(x).tobytes() for t in trials for given in t.inputs for x in given)
    done = subprocess.run([str(program)], input=job, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-6000:]
    return _unpack(trials, done.stdout)


def _write(trial: Trial, folder: Path) -> None:
    legalized, program, placement = trial.legalized, trial.program, trial.placement
    emitted = emit(program, placement, legalized.inputs, legalized.outputs)
    for name, text in {**emitted.include, **emitted.source}.items():
        (folder / name).write_text(text)
    code = folder / f"{trial.name}_lib0.c"
    code.write_text(with_guards(code.read_text(), trial.regions, placement.arena_bytes))
    (folder / f"{trial.name}.c").write_text(
        f'#include "guard.h"\n#include "{trial.name}_lib1.c"\n#include "{trial.name}_lib0.c"\n'
    )


def _build(names: Sequence[str], folder: Path, compiler: Sequence[str]) -> Path:
    def compile_one(name: str) -> Path:
        target = folder / f"{name}.o"
        flags = ["-std=gnu11", "-g1", "-Wall", "-Wextra", "-Werror"]
        _call([*compiler, *flags, "-c", str(folder / f"{name}.c"), "-o", str(target)])
        return target

    with ThreadPoolExecutor(2) as pool:
        objects = list(pool.map(compile_one, names))
    program = folder / "trials"
    _call([*compiler, *map(str, objects), "-lm", "-o", str(program)])
    return program


def _call(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:4000]


def _unpack(trials: Sequence[Trial], data: bytes) -> list[list[list[np.ndarray]]]:
    results, offset = [], 0
    for trial in trials:
        runs = []
        for _ in range(3):
            outputs = []
            for name in trial.program.outputs:
                t = trial.program.tensors[name]
                outputs.append(np.frombuffer(data, t.dtype, t.size, offset).reshape(t.shape))
                offset += t.nbytes
            runs.append(outputs)
        results.append(runs)
    assert offset == len(data)
    return results
