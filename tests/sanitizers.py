"""Which sanitizers a compiler can link here: gcc brings its own, clang's run-time library is a package of its own."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

ALL = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
TRAPS = ("-fsanitize=undefined", "-fsanitize-trap=undefined")
"""Undefined behaviour ends the program; needs no library."""


@cache
def sanitizers(compiler: str) -> tuple[str, ...]:
    """Return flags: addresses and undefined behaviour, or the latter alone where the library is missing."""
    library = "libasan.so" if compiler.startswith("gcc") else "libclang_rt.asan-x86_64.a"
    found = subprocess.run(
        [compiler, f"-print-file-name={library}"], capture_output=True, text=True, check=True
    )
    return ALL if Path(found.stdout.strip()).is_file() else TRAPS
