"""The headers that artifacts carry beside their own code."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

PUBLIC = "tvm_patch_runtime.h"
"""What users of any model include."""

_FOLDER = resources.files("tvm_patch.codegen").joinpath("runtime")


def header_text(name: str) -> str:
    """Return the text of a header."""
    return _FOLDER.joinpath(name).read_text(encoding="utf-8")


def helpers() -> frozenset[str]:
    """Return the names that private headers define; their functions only compute, or give nothing back."""
    return frozenset().union(*private_headers().values())


@cache
def private_headers() -> dict[str, frozenset[str]]:
    """Return, by private header, the functions and macros that it defines or names."""
    names = sorted(f.name for f in _FOLDER.iterdir())
    return {
        n: frozenset(re.findall(r"\b(?:tvmp_\w+|TVMP_\w+)", header_text(n)))
        for n in names
        if n.endswith(".h") and n != PUBLIC
    }
