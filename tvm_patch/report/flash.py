"""Which kinds of operators the flash goes to: the artifact says which operators use what lies in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tvm_patch.report.models import FlashReport

if TYPE_CHECKING:
    from microtvm_project.elf import Symbol
    from tvm_patch.artifact_metadata import Metadata

SHARED = "shared inner loops"
"""Functions that layers of several kinds call."""
SEQUENCE = "order of the layers"
"""The function that calls layer after layer, segments, and what describes the model."""
LIBRARY = "C library"
REST = "alignment, literals"


def flash_by_kind(
    symbols: Iterable[Symbol],
    metadata: Metadata,
    flash_bytes: int,
) -> list[FlashReport]:
    """Return code and constants by kind of operator, the largest first; their sum is `flash_bytes`.

    What several layers share is counted once: constants for the first of them, functions for their kind, and those of
    several kinds apart.

    Parameters
    ----------
    symbols : iterable of Symbol
        What lies in flash.
    metadata : Metadata
        The artifact's.
    flash_bytes : int
        Code and constants together.
    """
    owners: dict[str, list[str]] = defaultdict(list)
    for op in metadata.operators:
        for name in op.symbols:
            owners[name].append(op.kind)
    code: dict[str, int] = defaultdict(int)
    constants: dict[str, int] = defaultdict(int)
    # gcc gives functions of the same code one place and several names.
    for symbol in {(s.section, s.address, s.size): s for s in symbols if s.size}.values():
        kinds = owners.get(symbol.name.partition(".")[0], [SEQUENCE])  # gcc adds .constprop.0 to names
        if not symbol.is_function:
            constants[kinds[0]] += symbol.size
        elif symbol.section == ".library":
            code[LIBRARY] += symbol.size
        else:
            code[kinds[0] if len(set(kinds)) == 1 else SHARED] += symbol.size
    rest = flash_bytes - sum(code.values()) - sum(constants.values())
    found = [
        FlashReport(kind=kind, code_bytes=code[kind], constant_bytes=constants[kind])
        for kind in {*code, *constants}
    ]
    found.sort(key=lambda f: (-f.code_bytes - f.constant_bytes, f.kind))
    return [*found, FlashReport(kind=REST, code_bytes=rest, constant_bytes=0)] if rest else found
