"""A small artifact written by hand: adds 1 to each byte, in three operators."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.metadata import input_tensor, metadata, operator, tensor

ROOT = Path(__file__).parents[2]
HEADER = ROOT / "tvm_patch" / "codegen" / "runtime" / "tvm_patch_runtime.h"

SOURCE = r"""
#include "tvm_patch_runtime.h"
#ifdef TVM_PATCH_PROFILE
#define DONE(i) tvm_patch_profile(i)
#else
#define DONE(i) ((void)0)
#endif
#define COUNT 64
@EXTRA@
static const int32_t shape[] = {1, COUNT};
static const struct tvm_patch_tensor input = {"x", "int8", COUNT, 0, -1, 0.5f, 0, 2, shape};
static const struct tvm_patch_tensor output = {"y", "int8", COUNT, COUNT, -1, 0.5f, 0, 2, shape};
__attribute__((unused)) static int32_t run(void *memory, const struct tvm_patch_row_source *sources) {
  (void)sources;
  int8_t *arena = (int8_t *)memory;
  for (int i = 0; i < COUNT; ++i) arena[COUNT + i] = arena[i];
  DONE(0);
  for (int i = 0; i < COUNT; ++i) arena[COUNT + i] = (int8_t)(arena[COUNT + i] + 1);
  DONE(1);
  @BODY@
  DONE(2);
  return @STATUS@;
}
extern const struct tvm_patch_model tvmgen_tiny_model;
const struct tvm_patch_model tvmgen_tiny_model = {"tiny", @ARENA@u, 8, 1, 1, 3, 0, &input, &output, @ENTRY@};
"""

MakeArtifact = Callable[..., Path]


@pytest.fixture
def make_artifact(tmp_path: Path) -> MakeArtifact:
    """Write an artifact whose third operator runs ``body``; ``extra`` stands at file level, ``entry`` is run."""
    made = 0

    def make(
        body: str = "", extra: str = "", arena: int = 128, status: str = "TVM_PATCH_OK", entry: str = "run"
    ) -> Path:
        nonlocal made
        folder = tmp_path / f"artifact{made}"
        made += 1
        include, src = folder / "codegen/host/include", folder / "codegen/host/src"
        include.mkdir(parents=True)
        src.mkdir(parents=True)
        shutil.copy(HEADER, include)
        text = SOURCE.replace("@EXTRA@", extra).replace("@BODY@", body)
        text = text.replace("@ARENA@", str(arena)).replace("@STATUS@", status).replace("@ENTRY@", entry)
        (src / "tiny_lib0.c").write_text(text)
        made_up = metadata(
            "tiny",
            [input_tensor("x", (1, 64))],
            [tensor("y", (1, 64), 64)],
            [operator(i, n, n, shape=(1, 64)) for i, n in enumerate(("copy", "add", "more"))],
            arena_bytes=arena,
        )
        (folder / "metadata.json").write_bytes(made_up.to_json())
        return folder

    return make
