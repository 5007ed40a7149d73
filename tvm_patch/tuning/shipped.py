"""The configs that come with the project: the zoo's networks, tuned for the cycles of a core.

They are what ``python -m benchmarks.tune_zoo`` keeps of MetaSchedule's databases, a file a core, so that compiling
does not read those.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from tvm_patch.files import write_text
from tvm_patch.lowering.tuned import Measured

_FOLDER = Path(__file__).parent / "data"


@lru_cache(maxsize=4)
def load_shipped(core: str) -> Measured:
    """Return what was measured on a core, nothing where there is no such file."""
    path = _file(core)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write_shipped(core: str, measured: Measured) -> Path:
    """Write what :func:`load_shipped` reads, a workload a line."""
    lines = [
        f"{json.dumps(text)}:{json.dumps(entries, separators=(',', ':'))}"
        for text, entries in sorted(measured.items())
    ]
    write_text(_file(core), "{\n" + ",\n".join(lines) + "\n}\n")
    return _file(core)


def _file(core: str) -> Path:
    return _FOLDER / f"{core}.json"
