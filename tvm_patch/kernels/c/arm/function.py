"""C functions that kernels bring along: assembly with a portable body beside it, and plain C."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

ATTRIBUTE = "tvmp_functions"
"""Attribute of a PrimFunc: the text of the functions that it calls, by name."""

_SAVED = ("r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11")


@dataclass(frozen=True)
class ArmFunction:
    """A static C function that generated code may call.

    Attributes
    ----------
    stem : str
        What it is, for readers of the generated code; the name adds a digest of the text.
    parameters : tuple of str
        C declarations, in order; AAPCS puts the first four in r0 to r3.
    assembly : tuple of str
        Instructions, one a line; local labels are numbers.
    portable : str
        The body in C.
    """

    stem: str
    parameters: tuple[str, ...]
    assembly: tuple[str, ...]
    portable: str

    @property
    def name(self) -> str:
        """Name in C, the same for the same text."""
        return _named(self.stem, *self.parameters, *self.assembly, self.portable)

    @property
    def text(self) -> str:
        """The definition."""
        naked = ", ".join(f"{p} TVMP_UNUSED" for p in self.parameters)
        lines = "\n".join(f'      "{line}\\n\\t"' for line in self.assembly)
        return (
            f"#if TVMP_HAVE_ASM\n"
            f"static TVMP_NAKED void {self.name}({naked}) {{\n  __asm__ volatile(\n{lines});\n}}\n"
            f"#else\n"
            f"static void {self.name}({', '.join(self.parameters)}) {{\n{self.portable}}}\n"
            f"#endif\n"
        )


@dataclass(frozen=True)
class CFunction:
    """A static C function that operators share; attributes as of :class:`ArmFunction`.

    `small` says that it runs rarely enough that its size counts.
    """

    stem: str
    parameters: tuple[str, ...]
    body: str
    small: bool = False

    @property
    def name(self) -> str:
        """Name in C, the same for the same text."""
        return _named(self.stem, *self.parameters, self.body)

    @property
    def text(self) -> str:
        """The definition."""
        storage = "TVMP_SMALL" if self.small else "TVMP_SHARED"
        return f"static {storage} void {self.name}({', '.join(self.parameters)}) {{\n{self.body}}}\n"


Functions = dict[str, "ArmFunction | CFunction"]
"""By name, callees before their callers."""


def _named(stem: str, *parts: str) -> str:
    return f"tvmp_{stem}_{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:8]}"


def with_functions(function: Any, called: Iterable[ArmFunction | CFunction]) -> Any:
    """Return a PrimFunc that carries the text of the functions it calls, callees before their callers."""
    texts = {f.name: f.text for f in called}
    return function.with_attr(ATTRIBUTE, texts) if texts else function


def functions_of(function: Any) -> dict[str, str]:
    """Return the text of the functions that a PrimFunc calls, by name."""
    texts = function.attrs.get(ATTRIBUTE) if function.attrs else None
    return {str(name): str(text) for name, text in texts.items()} if texts else {}


def enter(*spilled: str) -> list[str]:
    """Return the instructions that save all registers; `spilled` arguments lie at [sp] in ascending order."""
    return [f"push {{{', '.join((*spilled, *_SAVED, 'lr'))}}}"]


def leave(spilled_words: int) -> list[str]:
    """Return the instructions that undo :func:`enter`, with `spilled_words` words at [sp], and return."""
    drop = [f"add sp, #{4 * spilled_words}"] if spilled_words else []
    return [*drop, f"pop {{{', '.join((*_SAVED, 'pc'))}}}"]


def move(register: str, value: int) -> list[str]:
    """Return the instructions that set a register to a constant below 2**32."""
    low, high = value & 0xFFFF, (value >> 16) & 0xFFFF
    return [f"movw {register}, #{low}", *([f"movt {register}, #{high}"] if high else [])]


def is_immediate(value: int) -> bool:
    """Tell whether Thumb-2 encodes `value` in a data-processing instruction (Arm ARM, A5.3.2)."""
    if value <= 0xFF:
        return True
    low = value & 0xFF
    if value in (low << 16 | low, low << 24 | low << 8, low * 0x01010101):
        return True
    return value >> (value.bit_length() - 8) << (value.bit_length() - 8) == value


def add(register: str, value: int, free: str) -> list[str]:
    """Return the instructions that add a constant; `free` is a register that may be used."""
    if is_immediate(value) or value < 1 << 12:
        return [f"add {register}, {register}, #{value}"]
    return [*move(free, value), f"add {register}, {free}"]
