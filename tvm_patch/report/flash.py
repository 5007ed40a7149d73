"""Which kinds of operators the flash goes to, by the names of what lies in it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tvm_patch.report.models import FlashReport

if TYPE_CHECKING:
    from microtvm_project.elf import Symbol
    from tvm_patch.artifact_metadata import Metadata

SHARED = "shared inner loops"
"""Functions that all dense layers call."""
SEQUENCE = "order of the layers"
"""The function that calls layer after layer, segments, and what describes the model."""
LIBRARY = "C library"
REST = "alignment, literals"

_CONSTANT = re.compile(r"op(?P<step>\d+)_(?:op(?P<part>\d+)_)?[a-z0-9_]+")


def flash_by_kind(
    symbols: Iterable[Symbol],
    metadata: Metadata,
    flash_bytes: int,
) -> list[FlashReport]:
    """Return code and constants by kind of operator, the largest first; their sum is `flash_bytes`.

    Constants and functions that several layers share are counted once, for the first.

    Parameters
    ----------
    symbols : iterable of Symbol
        What lies in flash.
    metadata : Metadata
        The artifact's.
    flash_bytes : int
        Code and constants together.
    """
    kinds = sorted({op.kind for op in metadata.operators}, key=len, reverse=True)
    code: dict[str, int] = defaultdict(int)
    constants: dict[str, int] = defaultdict(int)
    # gcc gives functions of the same code one place and several names.
    for symbol in {(s.section, s.address, s.size): s for s in symbols if s.size}.values():
        if symbol.is_function:
            code[_kind_of_function(symbol, kinds)] += symbol.size
        else:
            constants[_kind_of_constant(symbol.name, metadata)] += symbol.size
    rest = flash_bytes - sum(code.values()) - sum(constants.values())
    found = [
        FlashReport(kind=kind, code_bytes=code[kind], constant_bytes=constants[kind])
        for kind in {*code, *constants}
    ]
    found.sort(key=lambda f: (-f.code_bytes - f.constant_bytes, f.kind))
    return [*found, FlashReport(kind=REST, code_bytes=rest, constant_bytes=0)] if rest else found


def _kind_of_function(symbol: Symbol, kinds: Sequence[str]) -> str:
    if symbol.section == ".library":
        return LIBRARY
    name = symbol.name
    if name.startswith(("tvmp_taps_", "tvmp_pairs_")):
        return "depthwise_conv2d"
    if name.startswith("tvmp_"):
        return SHARED
    return next((kind for kind in kinds if re.match(rf"{kind}_(row\d+_|\w+?\d+_)?\d", name)), SEQUENCE)


def _kind_of_constant(name: str, metadata: Metadata) -> str:
    segments = metadata.segments
    match = _CONSTANT.fullmatch(name.removeprefix(f"tvmgen_{metadata.model_name}_"))
    if match is None or int(match["step"]) >= len(segments):
        return SEQUENCE
    members, part = segments[int(match["step"])].operators, int(match["part"] or 0)
    return metadata.operators[members[part]].kind if part < len(members) else SEQUENCE
