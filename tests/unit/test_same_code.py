"""The comparison of two checkouts: renamed locals are told from changed code."""

from __future__ import annotations

import json

import pytest

from benchmarks.same_code import compare, first_difference

CODE = """static void add_0(const int8_t *in0, int8_t *out0) {
  int32_t v__3 = 5;
  for (int32_t i = 0; i < 4; ++i) {
    out0[i] = (int8_t)(in0[i] + v__3);
  }
}
"""


def test_locals_may_have_other_names():
    assert first_difference(CODE, CODE.replace("v__3", "offset").replace("i =", "i =")) is None


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("5", "6", "'5' | '6'"),
        ("int32_t v__3", "int16_t v__3", "'int32_t' | 'int16_t'"),
        ("+ v__3", "+ i", "'v__3' is now"),
        ("int32_t i", "int32_t v__3", "'i' is now"),
        ("  int32_t v__3 = 5;\n", "", "'int32_t' | 'for'"),
        ("static", "const", "'static' | 'const'"),
    ],
)
def test_anything_else_may_not_change(old, new, part):
    assert part in first_difference(CODE, CODE.replace(old, new, 1))


def test_dumps(tmp_path):
    def dumped(name, entries):
        folder = tmp_path / name
        folder.mkdir()
        for key, (arena, text) in entries.items():
            (folder / key).mkdir()
            (folder / key / "net.c").write_text(text)
            entries[key] = {"arena_bytes": arena, "folder": key}
        (folder / "index.json").write_text(json.dumps({**entries, "e": {"error": "no"}}))
        return folder

    old = dumped("old", {"a": (8, CODE), "b": (8, CODE), "c": (8, CODE), "d": (8, CODE)})
    new = dumped("new", {"a": (8, CODE), "b": (8, CODE.replace("v__3", "x")), "c": (9, CODE)})
    found = compare(old, new)
    assert {k: same for k, (same, _) in found.items()} == {
        "a": "same", "b": "locals", "c": "different", "d": "different", "e": "same",
    }  # fmt: skip
    assert found["c"][1] == "arena 8 | 9"
