"""Do two checkouts print the same C?  For changes of structure that must not change what is compiled.

``python -m benchmarks.same_code OLD NEW [--models FOLDER] [--only TEXT] [--board OLD[=NEW]]`` compiles every network
under five plans, for the host and for a Cortex-M7, with either checkout's own code, and compares the C and the arenas.
Names of locals may differ; that is counted apart.  Exits with 1 where anything else does.  Networks are those of
../shared, or of the zoo where there is no such folder.
``--board qemu_m7=host`` compares the old checkout's code for one board with the new one's for another.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MODELS = Path(os.environ.get("TVM_PATCH_SHARED", Path(__file__).parents[2] / "shared")) / "models"
BOARDS = ["host", "qemu_m7"]
PLANS: dict[str, dict[str, Any] | None] = {
    "layer": None,
    "resident": {"objective": "memory"},
    "rereadable": {"input_mode": "rereadable", "max_overhead": 1.05},
    "streamed": {"input_mode": "streamed"},
    "mcunetv2": {"scheme": "mcunetv2", "patches": 2},
}
"""What is asked of the planner, by name; only the names of the public interface, which outlive a redesign."""

ZOO = ("mcunet_vww0", "mlperf_kws", "mlperf_ic", "mlperf_ad", "mnasnet_a1")

Same = str
"""``same``, ``locals`` (but for the names of locals), or ``different``."""


def dump(out: Path, models: Path, only: str, boards: dict[str, str]) -> None:
    """Write the C of every network under every plan to a folder, with the checkout that this process imports.

    `boards` are those to compile for, by what the result is called.
    """
    import tvm_patch
    from tvm_patch.errors import UserError

    index: dict[str, dict[str, Any]] = {}
    for name, model in _networks(models, only):
        for plan, request in PLANS.items():
            for label, board in boards.items():
                key = f"{name} {plan} {label}"
                asked = None if request is None else tvm_patch.Request(**request)
                try:
                    artifact = tvm_patch.compile(model, board=board, name="net", plan=asked)
                except UserError as error:
                    index[key] = {"error": str(error)}
                    continue
                place = out / hashlib.sha256(key.encode()).hexdigest()[:16]
                place.mkdir()
                for path, data in artifact.contents.files.items():
                    if path.endswith((".c", ".h")):
                        (place / Path(path).name).write_bytes(data)
                index[key] = {"arena_bytes": artifact.arena_bytes, "folder": place.name}
                print(key, flush=True)
    (out / "index.json").write_text(json.dumps(index))


def _networks(models: Path, only: str) -> Iterator[tuple[str, bytes]]:
    if models.is_dir():
        for path in sorted(models.glob("*.tflite")):
            if only in path.stem:
                yield path.stem, path.read_bytes()
        return
    from tvm_patch.tflite.writer import write_model
    from tvm_patch.zoo.registry import build

    for name in ZOO:
        if only in name:
            yield name, write_model(build(name))


def compare(old: Path, new: Path) -> dict[str, tuple[Same, str]]:
    """Return, by network, plan and board, how two dumps differ, with the first difference in words."""
    before, after = (json.loads((d / "index.json").read_text()) for d in (old, new))
    found: dict[str, tuple[Same, str]] = {}
    for key in sorted({*before, *after}):
        a, b = before.get(key), after.get(key)
        if a is None or b is None:
            found[key] = ("different", f"only in the {'old' if b is None else 'new'} one")
        elif "error" in a or "error" in b:
            texts = [str(d.get("error", "compiles")) for d in (a, b)]
            found[key] = ("same", "") if texts[0] == texts[1] else ("different", " | ".join(texts))
        elif a["arena_bytes"] != b["arena_bytes"]:
            found[key] = ("different", f"arena {a['arena_bytes']:,} | {b['arena_bytes']:,}")
        else:
            found[key] = _compare_folders(old / a["folder"], new / b["folder"])
    return found


def _compare_folders(old: Path, new: Path) -> tuple[Same, str]:
    names = [sorted(p.name for p in d.iterdir()) for d in (old, new)]
    if names[0] != names[1]:
        return "different", f"files {names[0]} | {names[1]}"
    worst: Same = "same"
    for name in names[0]:
        a, b = ((d / name).read_text() for d in (old, new))
        if a == b:
            continue
        difference = first_difference(a, b)
        if difference is not None:
            return "different", f"{name}: {difference}"
        worst = "locals"
    return worst, ""


_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|[A-Za-z_]\w*|\d[\w.]*|\S')
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_GLOBAL = re.compile(
    r"tvm|TVM|[A-Z][A-Z0-9_]+$|u?int\d+_t$|static|const|void|for|while|if|else|return|struct"
)


def first_difference(old: str, new: str) -> str | None:
    """Return the first difference of two C sources, None where a renaming of locals makes them equal.

    A renaming is one to one within a definition, and touches no macro, no type and no name that begins with ``tvm``.
    """
    definitions = [re.split(r"(?<=\n}\n)", text) for text in (old, new)]
    if len(definitions[0]) != len(definitions[1]):
        return f"{len(definitions[0])} | {len(definitions[1])} definitions"
    for a, b in zip(*definitions, strict=True):
        there, back = dict[str, str](), dict[str, str]()
        tokens = [_TOKEN.findall(text) for text in (a, b)]
        for x, y in zip(*tokens, strict=False):
            renamed = _IDENTIFIER.fullmatch(x) and _IDENTIFIER.fullmatch(y) and not _GLOBAL.fullmatch(x)
            if x != y and not (renamed and not _GLOBAL.fullmatch(y)):
                return f"{x!r} | {y!r} in {a.strip().splitlines()[0][:80]!r}"
            if renamed and (there.setdefault(x, y) != y or back.setdefault(y, x) != x):
                return f"{x!r} is now {there[x]!r}, now {y!r} in {a.strip().splitlines()[0][:80]!r}"
        if len(tokens[0]) != len(tokens[1]):
            return f"{len(tokens[0])} | {len(tokens[1])} tokens in {a.strip().splitlines()[0][:80]!r}"
    return None


def _dump_in(checkout: Path, out: Path, models: Path, only: str, boards: list[str]) -> None:
    """Run this file, which the checkout need not have, with the checkout's packages."""
    out.mkdir()
    command = [sys.executable, str(Path(__file__).resolve()), "--dump", str(out), "--models", str(models)]
    subprocess.run(
        [*command, "--only", only, *(f"--board={b}" for b in boards)],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout), "PYTHONSAFEPATH": "1"},
        stdout=subprocess.DEVNULL,
        check=True,
    )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.same_code")
    parser.add_argument(
        "checkouts", nargs="*", type=Path, metavar="OLD NEW", help="two folders with the project"
    )
    parser.add_argument(
        "--models", type=Path, default=MODELS, help="folder of .tflite files; the zoo's without it"
    )
    parser.add_argument("--only", default="", help="networks with this text in their name")
    parser.add_argument(
        "--board", action="append", metavar="OLD[=NEW]", help="for which board; host and qemu_m7 without it"
    )
    parser.add_argument("--json", type=Path, help="write what was found to a file")
    parser.add_argument("--dump", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.dump is not None:
        dump(given.dump, given.models, given.only, dict(b.split("=") for b in given.board))
        return
    if len(given.checkouts) != 2:
        parser.error("give two checkouts, the old one first")
    pairs = [(b.split("=")[0], b.split("=")[-1]) for b in given.board or BOARDS]
    with tempfile.TemporaryDirectory(prefix="tvm-patch-") as scratch:
        folders = [Path(scratch) / name for name in ("old", "new")]
        for i, (checkout, folder) in enumerate(zip(given.checkouts, folders, strict=True)):
            boards = [f"{a if a == b else f'{a} and {b}'}={(a, b)[i]}" for a, b in pairs]
            _dump_in(checkout.resolve(), folder, given.models, given.only, boards)
        found = compare(*folders)
    if given.json is not None:
        given.json.write_text(json.dumps(found, indent=1))
    for key, (same, why) in found.items():
        if same == "different":
            print(f"{key}: {why}")
    counted = Counter(same for same, _ in found.values())
    print(
        f"{len(found)} compiled: " + ", ".join(f"{counted[s]} {s}" for s in ("same", "locals", "different"))
    )
    sys.exit(1 if counted["different"] else 0)


if __name__ == "__main__":
    main()
