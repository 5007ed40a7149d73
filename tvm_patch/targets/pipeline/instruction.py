"""What a pipeline's model reads of an instruction: its class, the registers it reads and writes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Literal

Kind = Literal[
    "alu",
    "shift",
    "inline",
    "simd",
    "mac",
    "divide",
    "load",
    "store",
    "branch",
    "it",
    "float",
    "vmov",
    "other",
]
"""``shift`` by itself, ``inline`` on the way to another operation; ``simd`` stands for bit fields as well."""

_SHIFT = {"lsl", "lsr", "asr", "ror", "rrx"}
_SIMD = {
    *(
        "ssat",
        "usat",
        "sxtb16",
        "uxtb16",
        "sxtab16",
        "pkhbt",
        "pkhtb",
        "rev",
        "rev16",
        "revsh",
        "clz",
        "rbit",
    ),
    *("ubfx", "sbfx", "bfi", "bfc", "sxtb", "sxth", "uxtb", "uxth"),
    *("sadd16", "ssub16", "qadd", "qsub", "sel", "sxtab", "uxtab"),
}
_BRANCH = {"b", "bl", "bx", "blx", "cbz", "cbnz", "tbb", "tbh"}
_CONDITIONS = ("eq", "ne", "hs", "cs", "lo", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le")
_QUICK = {"add", "addw", "sub", "subw", "mov", "movw"}
_NO_RESULT = {"cmp", "cmn", "tst", "teq"}
_TWO_RESULTS = {"umull", "smull", "umlal", "smlal", "umaal", "smlald", "smlalbb"}
_REGISTER = re.compile(r"\b(r1[0-5]|r\d|sp|lr|pc|fp|ip|sl|sb|[sd]\d+)\b")
_ALIASES = {"r13": "sp", "r14": "lr", "r15": "pc", "fp": "r11", "ip": "r12", "sl": "r10", "sb": "r9"}
_FLAGS = "flags"
_FLOAT_FLAGS = "float flags"
_MOVES = {
    *("mov", "mvn", "movw", "mrs", "sxtb", "sxth", "uxtb", "uxth", "sxtb16", "uxtb16"),
    *("rev", "rev16", "revsh", "clz", "rbit", "ubfx", "sbfx", "ssat", "usat"),
}
"""Their result does not depend on what was in its register."""
_OTHER = {"nop", "dsb", "isb", "dmb", "bkpt", "msr", "mrs"}
_IT = re.compile(r"it[te]{0,3}")
_LATE = {"sadd16", "ssub16", "qadd", "qsub", "sel", "clz"}
"""Of the SIMD and bit-field instructions, those that need none of their operands early."""
_SHIFTED = re.compile(r"(\w+), (?:lsl|lsr|asr|ror) ")
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Instruction:
    """One instruction as the model sees it.

    Attributes
    ----------
    kind : str
        Which unit executes it.
    reads, early, writes : frozenset of str
        Registers; `early` are those of `reads` that are needed before the others.  ``flags`` is one.
    accumulates : str
        The register whose sum a multiplication adds to, or nothing.
    words : int
        Words that a load or store moves.
    taken : bool
        Whether control goes elsewhere, as far as the text says.
    small : bool
        Whether a load is of a byte or halfword.
    address : frozenset of str
        Registers of a load's or store's address.
    offset : int or None
        Bytes from a single address register to what is accessed, None where the text does not say.
    quick : bool
        Whether it adds, subtracts, moves or shifts, and no more than one of these.
    """

    kind: Kind
    reads: frozenset[str]
    early: frozenset[str]
    writes: frozenset[str]
    accumulates: str = ""
    words: int = 1
    taken: bool = False
    small: bool = False
    address: frozenset[str] = _NONE
    offset: int | None = None
    quick: bool = False

    @cached_property
    def alone(self) -> bool:
        """Whether nothing goes beside it."""
        return self.kind in ("divide", "other") or self.words > 1

    @cached_property
    def awaited(self) -> frozenset[str]:
        """What it waits for: a branch is predicted, and needs no flags."""
        return self.reads - {_FLAGS} if self.kind == "branch" else self.reads


@lru_cache(maxsize=65536)
def parse(text: str) -> Instruction:
    """Return an instruction from its disassembly, as ``smlad r4, r2, r12, r4``."""
    head, _, operands = text.strip().partition(" ")
    head = head.removesuffix(".w").removesuffix(".n")
    if _IT.fullmatch(head):
        return Instruction("it", _NONE, _NONE, _NONE)
    name = _base(head)
    found = _registers(operands)
    if name in _BRANCH:
        flags = [_FLAGS] if name == "b" and head != "b" else []
        links = frozenset({"lr"}) if name in ("bl", "blx") else _NONE
        return Instruction("branch", frozenset(found + flags), _NONE, links, taken=True)
    if name.startswith(("ld", "pop", "st", "push", "vld", "vst", "vpush", "vpop")):
        return _memory(name, operands, found)
    if name.startswith("v"):
        return _floating(name, operands, found)
    if name.startswith(("sml", "smu", "smm", "mul", "mla", "mls", "umull", "umlal", "umaal")):
        return _multiplication(name, found)
    if name in ("sdiv", "udiv"):
        return Instruction("divide", frozenset(found[1:]), _NONE, frozenset(found[:1]))
    return _calculation(head, name, operands, found)


def _registers(text: str) -> list[str]:
    return [_ALIASES.get(r, r) for r in _REGISTER.findall(text)]


def _multiplication(name: str, found: list[str]) -> Instruction:
    if name in _TWO_RESULTS:
        own = [] if name in ("umull", "smull") else found[:2]
        return Instruction("mac", frozenset(found[2:] + own), _NONE, frozenset(found[:2]))
    adds = found[3] if len(found) > 3 else ""
    return Instruction("mac", frozenset(found[1:]), _NONE, frozenset(found[:1]), adds)


def _floating(name: str, operands: str, found: list[str]) -> Instruction:
    """Return an instruction of the floating-point unit; a comparison's flags are a register of their own."""
    if name.startswith("vcmp"):
        return Instruction("float", frozenset(found), _NONE, frozenset({_FLOAT_FLAGS}))
    if name.startswith("vmrs"):
        return Instruction("vmov", frozenset({_FLOAT_FLAGS}), _NONE, frozenset({_FLAGS}))
    kind: Kind = "vmov" if name.startswith("vmov") else "float"
    adds = found[:1] if name.startswith(("vmla", "vmls", "vfma", "vfms")) else []
    return Instruction(kind, frozenset(found[1:] + adds), _NONE, frozenset(found[:1]))


def _calculation(head: str, name: str, operands: str, found: list[str]) -> Instruction:
    immediate = "#" in operands
    reads = found[1:]
    # Two operands stand for three: what is written is read as well.
    short = len(found) == 1 or (len(found) == 2 and not immediate)
    if name in _NO_RESULT or name in ("bfi", "movt") or (short and name not in _MOVES):
        reads = found
    writes = [] if name in _NO_RESULT else found[:1]
    if head != name and head.endswith(_CONDITIONS):
        reads = [*reads, *writes, _FLAGS]
    if name in _NO_RESULT or (head != name and head.endswith("s")):
        writes = [*writes, _FLAGS]
    shifted = _SHIFTED.search(operands)
    kind: Kind = "alu"
    early = _NONE
    if name in _SIMD:
        kind, early = "simd", _early(name, found, reads)
    elif shifted:
        kind, early = "inline", frozenset(_registers(shifted[1]))
    elif name in _SHIFT:
        kind = "shift"
    elif name in _OTHER:
        kind = "other"
    quick = (kind == "alu" and name in _QUICK) or (kind == "shift" and name != "rrx")
    return Instruction(kind, frozenset(reads), early, frozenset(writes), quick=quick)


def _early(name: str, found: list[str], reads: list[str]) -> frozenset[str]:
    """Return which operands of a SIMD or bit-field instruction are needed early: what is extracted or shifted."""
    if name in _LATE:
        return _NONE
    if name == "bfi":
        return frozenset(found[1:2])
    if name in ("pkhbt", "sxtab", "uxtab", "sxtab16"):
        return frozenset(found[-1:])
    return frozenset(reads)


def parse_block(lines: Iterable[str]) -> list[Instruction]:
    """Return instructions that are executed one after the other.

    A disassembler shows what an IT makes conditional as if it were not; such instructions set no flags unless that is
    all that they do, and depend on what was in their register.
    """
    block, conditional = [], 0
    for line in lines:
        instruction = parse(line)
        if conditional:
            conditional -= 1
            writes = instruction.writes - {_FLAGS} or instruction.writes
            instruction = replace(instruction, writes=writes, reads=instruction.reads | (writes - {_FLAGS}))
        elif instruction.kind == "it":
            conditional = len(line.split()[0]) - 1
        block.append(instruction)
    return block


def _memory(name: str, operands: str, found: list[str]) -> Instruction:
    load = name.startswith(("ld", "pop", "vld", "vpop"))
    kind: Kind = "load" if load else "store"
    if "{" in operands:
        before, _, rest = operands.partition("{")
        moved, address = _registers(rest.partition("}")[0]), _registers(before) or ["sp"]
        steps = "!" in operands or name in ("push", "pop", "vpush", "vpop")
    else:
        count = 2 if name.startswith(("ldrd", "strd")) else 1
        moved, address = found[:count], found[count:]
        steps = "!" in operands or "]," in operands
    reads = address if load else address + moved
    writes = (moved if load else []) + (address[:1] if steps else [])
    return Instruction(
        kind,
        frozenset(reads),
        frozenset(address),
        frozenset(writes),
        words=max(1, len(moved)),
        small=name.startswith(("ldrb", "ldrh", "ldrs")),
        address=frozenset(address),
        offset=_offset(operands) if len(address) == 1 else None,
        taken=load and "pc" in moved,
    )


_OFFSET = re.compile(r"\[\w+(?:, #(-?(?:0x[0-9a-f]+|\d+)))?\]")


def _offset(operands: str) -> int | None:
    found = _OFFSET.search(operands)
    return int(found[1] or "0", 0) if found else None


def _base(name: str) -> str:
    """Return a mnemonic without condition and flag suffix."""
    known = _SHIFT | _SIMD | _BRANCH | _NO_RESULT
    if name in known:
        return name
    for condition in _CONDITIONS:
        stem = name.removesuffix(condition)
        if stem != name and (stem in known or len(stem) >= 3):
            # "teq" and "mls" end in a condition by chance; a stem must be a mnemonic of three letters, or a branch.
            return _base(stem) if stem not in ("sm", "m") else name
    if name.endswith("s") and len(name) > 3 and not name.startswith(("mls", "vm")):
        return name[:-1]
    return name
