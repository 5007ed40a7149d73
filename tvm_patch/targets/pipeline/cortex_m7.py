"""Cycles of a Cortex-M7: in order, two instructions a cycle where they may go beside each other.

Arm does not publish them.  The rules are those measured on an STM32H743 (jnk0le/random, ``pipeline cycle
test/doc/cortex_m7.md``; quinapalus.com/cm7cycles.html and LLVM's ``ARMScheduleM7.td`` agree in what they cover):

- Multiplications go beside anything but each other and stores.  Bit-field and DSP instructions do not go beside each
  other and must be the older of two.  Two operands that are shifted on the way do not go beside each other.
- LDRD, STRD, LDM and STM go beside nothing and take half a cycle a word.  Two loads go beside each other where one is
  of an even word and the other of an odd one.
- There are an early and a late ALU.  A loaded word is there for the late one in the next cycle; for multiplications,
  for instructions that shift or extract an operand, and as an address, a cycle later.  A byte or halfword is there in
  the second cycle, and where it is shifted, extracted or an address in the third.
- What adds, subtracts, moves or shifts is executed by the early ALU if its operands are there in time; an instruction
  beside it can then use the result in the same cycle, flags not included.
- A sum of products is there for the next product at once, for others a cycle later than results usually are.
- What is stored may be the result of any other instruction of the same cycle.
- Floating-point operations do not go beside each other; their results, and what is moved to their registers, take three
  cycles.
- IT is like a branch that is predicted and not taken: it goes beside its neighbours.

Branches are always predicted right, so that they do not wait for flags; what follows one that is taken starts a cycle.
"""

from __future__ import annotations

from collections.abc import Sequence

from tvm_patch.targets.pipeline.cost import BlockCost
from tvm_patch.targets.pipeline.instruction import Instruction

DIVIDE_CYCLES = 8
"""Of 2 to 12, by the operands."""
FLOAT_LATENCY = 3
"""Of additions, products and conversions in single precision."""
_APART = frozenset(
    {("float", "float"), ("mac", "mac"), ("store", "store"), ("mac", "store"), ("store", "mac")}
)
"""Kinds that do not go beside each other."""
_LONGEST_WAIT = 4
"""Cycles after which any result is there: a byte that is shifted, and had been late."""
_LONG_AGO = (-_LONGEST_WAIT, Instruction("branch", frozenset(), frozenset(), frozenset()))
"""Of registers that nothing has written."""


def block_cost(block: Sequence[Instruction]) -> BlockCost:
    """Return what a block costs behind another run of itself, without what it waits for when everything is cold."""
    total, issue = _once_more(block), _once_more(block, waits=False)
    return BlockCost(float(issue), float(total - issue))


def _once_more(block: Sequence[Instruction], *, waits: bool = True) -> int:
    """Return the cycles of a block behind one of itself."""
    core = DualIssue(waits=waits)
    ends = []
    for _ in range(2):
        for instruction in block:
            core.issue(instruction)
        ends.append(core.cycle)
    return ends[1] - ends[0]


class DualIssue:
    """The state of the core behind some instructions.

    Parameters
    ----------
    waits : bool
        Whether instructions wait for what they read.
    """

    def __init__(self, *, waits: bool = True) -> None:
        self.waits = waits
        self.cycle = 0
        self.first: Instruction | None = None
        self.first_is_early = False
        self.writers: dict[str, tuple[int, Instruction]] = {}
        self.late: set[str] = set()

    def copy(self) -> DualIssue:
        """Return another one in the same state."""
        other = DualIssue(waits=self.waits)
        other.cycle, other.first, other.first_is_early = self.cycle, self.first, self.first_is_early
        other.writers, other.late = dict(self.writers), set(self.late)
        return other

    def when(self, instruction: Instruction) -> int:
        """Return in which cycle the core would issue an instruction that comes next."""
        return self.soonest(instruction, self.there(instruction, instruction.early))

    def soonest(self, instruction: Instruction, there: int) -> int:
        """Return the same, knowing when its operands are there (:meth:`there`)."""
        together = self.first is not None and may_pair(self.first, instruction, early=self.first_is_early)
        if together and there <= self.cycle:
            return self.cycle
        return max(self.cycle + 1, there)

    def there(self, instruction: Instruction, early: frozenset[str]) -> int:
        """Return the cycle in which the operands are there, some of them early; no later one changes that."""
        at = 0
        if not self.waits:
            return at
        for register in instruction.awaited:
            cycle, writer = self.writers.get(register, _LONG_AGO)
            if cycle + _LONGEST_WAIT <= self.cycle:  # most are there long since
                continue
            late = register in self.late and register in early
            at = max(at, cycle + _wait(writer, instruction, register, register in early) + late)
        return at

    def is_early(self, instruction: Instruction, cycle: int) -> bool:
        """Tell whether the early ALU executes an instruction that is issued in a cycle."""
        return instruction.quick and self.there(instruction, instruction.reads) <= cycle

    def issue(self, instruction: Instruction) -> int:
        """Issue an instruction and return the cycle."""
        cycle = self.when(instruction)
        early = self.is_early(instruction, cycle)
        self.first = None if cycle == self.cycle or instruction.alone else instruction
        self.first_is_early = early
        busy = _busy(instruction)
        for register in instruction.writes:
            self.writers[register] = (cycle + busy, instruction)
            (self.late.add if instruction.quick and not early else self.late.discard)(register)
        self.cycle = cycle + busy
        return cycle


def latency(writer: Instruction, reader: Instruction) -> int:
    """Return the cycles from one instruction to another that reads its result, 0 where it reads none."""
    registers = writer.writes & reader.awaited
    return max((_wait(writer, reader, r, r in reader.early) for r in registers), default=0)


def _wait(writer: Instruction, reader: Instruction, register: str, early: bool) -> int:
    if reader.kind == "store" and not early:
        return 1
    if writer.kind == "load" and register not in writer.address:
        return _load_wait(writer, reader, register, early)
    if writer.kind == "mac":
        return 1 if register == reader.accumulates else 2 + early
    if writer.kind == "float":
        return FLOAT_LATENCY
    if writer.kind == "vmov":
        return FLOAT_LATENCY if register.startswith(("s", "d")) and register != "sp" else 1 + early
    # What the early ALU can do is there for itself in the next cycle, as is an address that was stepped.
    if writer.quick or register in writer.address:
        return 1
    return 1 + early


def _load_wait(writer: Instruction, reader: Instruction, register: str, early: bool) -> int:
    if register == reader.accumulates:
        return 1
    if writer.small:
        return 2 + early
    # A word comes late enough that whatever needs one operand early waits for the other as well.
    return (
        2
        if early or reader.kind in ("mac", "vmov") or (reader.kind in ("inline", "simd") and reader.early)
        else 1
    )


def may_pair(older: Instruction, younger: Instruction, *, early: bool = True) -> bool:
    """Tell whether two neighbours are issued together, their operands being ready.

    Parameters
    ----------
    older, younger : Instruction
    early : bool
        Whether the older one is executed by the early ALU if it can be.
    """
    if older.alone or younger.alone or older.kind == "branch":
        return False
    if younger.kind == "simd" or (older.kind, younger.kind) in _APART:
        return False
    if younger.kind == "inline" and older.kind in ("inline", "shift", "simd"):
        return False
    if older.kind == younger.kind == "load" and _same_bank(older, younger):
        return False
    # What the older one writes is not there yet, but for what is stored or added to a product, and what is quick.
    written = older.writes & (younger.awaited | younger.writes - {"flags"})
    return not written or (not written & younger.early and _in_time(older, younger, written, early))


def _in_time(older: Instruction, younger: Instruction, written: frozenset[str], early: bool) -> bool:
    if written & younger.writes - younger.reads:
        return False
    if younger.kind == "store":
        return older.kind != "mac"
    if older.kind == "mac":
        return False
    accumulated = written == {younger.accumulates}
    return (accumulated and older.kind != "load") or (older.quick and early and "flags" not in written)


def _same_bank(a: Instruction, b: Instruction) -> bool:
    """Tell whether two loads are known to go to words of the same parity."""
    if a.address != b.address or a.offset is None or b.offset is None:
        return False
    return (a.offset - b.offset) % 8 == 0


def _busy(instruction: Instruction) -> int:
    """Return the cycles beyond the first in which nothing else is issued."""
    if instruction.kind == "divide":
        return DIVIDE_CYCLES - 1
    if instruction.kind in ("load", "store"):
        return (instruction.words + 1) // 2 - 1
    return 0
