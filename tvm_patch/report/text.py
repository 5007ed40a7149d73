"""Numbers and bars as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tvm_patch.report.models import BoughtReport

UNKNOWN = "–"
"""What is printed where there is no number."""

_EIGHTHS = " ▏▎▍▌▋▊▉█"


def kib(nbytes: int | None) -> str:
    """Return bytes as KiB with the exact count beside it; a dash for None."""
    return UNKNOWN if nbytes is None else f"{nbytes / 1024:.1f} KiB ({nbytes:,} B)"


def count(number: int | None) -> str:
    """Return a large number in millions or thousands; a dash for None."""
    if number is None:
        return UNKNOWN
    if number >= 1_000_000:
        return f"{number / 1e6:.2f} M"
    if number >= 10_000:
        return f"{number / 1e3:.1f} k"
    return f"{number:,}"


def bought_text(bought: BoughtReport) -> str:
    """Return in words what of an arena was spent on speed."""
    saved = count(bought.estimated_cycles)
    return f"{bought.arena_bytes:,} B of it more than needed, for about {saved} cycles less"


def shape(dims: Sequence[int]) -> str:
    """Return a shape as ``1×8×8×16``."""
    return "×".join(map(str, dims)) or "scalar"


def bar(part: float, whole: float, width: int = 24) -> str:
    """Return a bar of `width` cells, `part` of `whole` filled."""
    if whole <= 0:
        return " " * width
    eighths = round(max(0.0, min(1.0, part / whole)) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width)
