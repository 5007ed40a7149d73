"""What was measured so far, one record a line, so that an interrupted run goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def kernels_digest() -> str:
    """Return a digest of all code that decides on what is measured."""
    digest = hashlib.sha256()
    for folder in (
        "tvm_patch/kernels",
        "tvm_patch/lowering",
        "tvm_patch/targets/pipeline",
        "microtvm_project",
    ):
        for path in sorted((ROOT / folder).rglob("*.[pch]*")):
            if "__pycache__" not in path.parts:
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


class Log:
    """Records by key in a file beside the one that they are for.

    Parameters
    ----------
    path : Path
        Of what is made in the end.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._part = path, path.with_suffix(".part")
        self._known: dict[str, Any] = {}
        digest = kernels_digest()
        if self._part.exists():
            first, *lines = self._part.read_text(encoding="utf-8").splitlines()
            if first == digest:
                # The last line may be half a record.
                whole = [line for line in lines if line.endswith("]")]
                self._known = dict(json.loads(line) for line in whole)
        path.parent.mkdir(exist_ok=True)
        rows = [json.dumps(row, separators=(",", ":")) for row in self._known.items()]
        self._part.write_text("\n".join([digest, *rows, ""]), encoding="utf-8")

    def get(self, key: str, measure: Callable[[], Any]) -> Any:
        """Return a record, measured now unless the same code was measured before."""
        if key not in self._known:
            self._known[key] = measure()
            with self._part.open("a", encoding="utf-8") as file:
                file.write(json.dumps([key, self._known[key]], separators=(",", ":")) + "\n")
        return self._known[key]

    def finish(self, text: str) -> None:
        """Write what is made of the records, and forget them."""
        self.path.write_text(text, encoding="utf-8")
        self._part.unlink()
