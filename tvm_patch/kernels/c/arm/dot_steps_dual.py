"""Four inputs of a dot product on a core that issues two instructions a cycle.

On a Cortex-M7 a multiplication goes beside a load or an extraction; LDRD and LDM go beside nothing, multiplications do
not go beside each other, nor do extractions (SXTB16), which must be the older of two.  A loaded word can be multiplied
or taken apart two cycles later.  So words are loaded one by one, each beside a multiplication, and a step already
loads what the next one begins with: 24 multiplications of two channels and three pixels take 13 cycles, where 12 are
the least that one multiplier allows.  (jnk0le/random, ``pipeline cycle test/doc/cortex_m7.md``, measured on an H743.)

A line of the tables is one cycle, the older instruction first.  All instructions have four bytes, so that a loop can
be entered at any step.  What a step does for the next one is marked ``+`` and left out of the last, where the words
after the weights are loaded all the same: they say how sums become outputs.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DualStep:
    """A tile's step.

    Attributes
    ----------
    begin : str
        What stands before the first step.
    step : str
        Four inputs.
    words : tuple of str
        Registers with the words after the weights, behind the last step.
    free : str
        A register that is free between two steps.
    """

    begin: str
    step: str
    words: tuple[str, ...]
    free: str

    def first(self) -> list[str]:
        """Return what stands before the first step."""
        return _lines(self.begin, keep=True)

    def instructions(self, *, fresh: bool = False, last: bool = False) -> list[str]:
        """Return the instructions of a step; `fresh` begins the sums, `last` loads no pixels for another one."""
        out, begun = [], set[str]()
        for line in _lines(self.step, keep=not last):
            name, _, operands = line.partition(" ")
            total = operands.split(",")[0]
            if name == "smlad" and fresh and total not in begun:
                line = f"smuad {operands.rpartition(',')[0]}"  # noqa: PLW2901
                begun.add(total)
            out.append(line)
        return out


def _lines(text: str, *, keep: bool) -> list[str]:
    found = (part.strip() for line in text.strip().splitlines() for part in line.split("|"))
    return [part.removeprefix("+ ") for part in found if part and (keep or not part.startswith("+ "))]


_TWO_BY_THREE = DualStep(
    """
    ldr.w r10, [r0], #4     | ldr.w r2, [r1]
    ldr.w r11, [r0], #4
    sxtb16 r12, r10
    """,
    """
    sxtb16 lr, r11          | smlad r4, r2, r12, r4
    sxtb16 r10, r10, ror #8 | ldr.w r3, [r1, #4]
    sxtb16 r11, r11, ror #8 | smlad r7, r2, lr, r7
    smlad r4, r3, r10, r4   | ldr.w r2, [r1, #8]
    smlad r7, r3, r11, r7   | ldr.w r3, [r1, #12]
    smlad r5, r2, r12, r5   |
    smlad r8, r2, lr, r8    | ldr.w r2, [r1, #20]
    smlad r5, r3, r10, r5   |
    smlad r8, r3, r11, r8   | ldr.w r3, [r1, #16]
    smlad r6, r2, r10, r6   | ldr.w r10, [r0], #4
    smlad r9, r2, r11, r9   | ldr.w r11, [r0], #4
    smlad r6, r3, r12, r6   | + ldr.w r2, [r1, #24]!
    + sxtb16 r12, r10       | smlad r9, r3, lr, r9
    """,
    ("r10", "r11"),
    "lr",
)
_TWO_BY_TWO = DualStep(
    """
    ldr.w r10, [r0], #4     | ldr.w r2, [r1]
    ldr.w r11, [r0], #4     | ldr.w r3, [r1, #4]
    sxtb16 r12, r10         | ldr.w r8, [r1, #8]
    ldr.w r9, [r1, #12]
    """,
    """
    sxtb16 lr, r11          | smlad r4, r2, r12, r4
    sxtb16 r10, r10, ror #8 | smlad r6, r2, lr, r6
    sxtb16 r11, r11, ror #8 | smlad r5, r8, r12, r5
    smlad r7, r8, lr, r7    | + ldr.w r2, [r1, #16]!
    smlad r4, r3, r10, r4   | + ldr.w r8, [r1, #8]
    smlad r6, r3, r11, r6   | + ldr.w r3, [r1, #4]
    smlad r5, r9, r10, r5   | ldr.w r10, [r0], #4
    smlad r7, r9, r11, r7   | ldr.w r11, [r0], #4
    + sxtb16 r12, r10       | + ldr.w r9, [r1, #12]
    """,
    ("r10", "r11"),
    "lr",
)
_TWO_BY_ONE = DualStep(
    """
    ldr.w r10, [r0], #4     | ldr.w r2, [r1]
    ldr.w r11, [r0], #4     | ldr.w r3, [r1, #4]
    sxtb16 r12, r10
    """,
    """
    sxtb16 lr, r11          | smlad r4, r2, r12, r4
    sxtb16 r6, r10, ror #8  | smlad r5, r2, lr, r5
    sxtb16 r7, r11, ror #8  | ldr.w r10, [r0], #4
    smlad r4, r3, r6, r4    | ldr.w r11, [r0], #4
    smlad r5, r3, r7, r5    | + ldr.w r2, [r1, #8]!
    + sxtb16 r12, r10       | + ldr.w r3, [r1, #4]
    """,
    ("r10", "r11"),
    "lr",
)
_FOUR_BY_ONE = DualStep(
    """
    ldr.w r11, [r0, #4]     | ldr.w r10, [r0], #16
    ldr r12, [r0, #-8]      | ldr.w r8, [r1]
    ldr lr, [r0, #-4]
    """,
    """
    sxtb16 r2, r10          | ldr.w r9, [r1, #4]
    sxtb16 r10, r10, ror #8 | smlad r4, r8, r2, r4
    sxtb16 r3, r11          | smlad r4, r9, r10, r4
    sxtb16 r11, r11, ror #8 | smlad r5, r8, r3, r5
    sxtb16 r2, r12          | smlad r5, r9, r11, r5
    sxtb16 r12, r12, ror #8 | smlad r6, r8, r2, r6
    sxtb16 r3, lr           | smlad r6, r9, r12, r6
    sxtb16 lr, lr, ror #8   | smlad r7, r8, r3, r7
    smlad r7, r9, lr, r7    | ldr.w r10, [r0], #16
    ldr r12, [r0, #-8]      | ldr r11, [r0, #-12]
    ldr lr, [r0, #-4]       | + ldr.w r8, [r1, #8]!
    """,
    ("r10", "r11", "r12", "lr"),
    "r3",
)
_DIRECT_TWO = DualStep(
    """
    ldr.w r10, [r0], #4     | ldr.w r8, [r1]
    ldr.w r11, [r0], #4
    sxtb16 r12, r10
    sxtb16 r2, r8
    """,
    """
    sxtb16 lr, r11          | smlad r4, r2, r12, r4
    sxtb16 r3, r8, ror #8   | smlad r5, r2, lr, r5
    sxtb16 r6, r10, ror #8  | + ldr.w r8, [r1, #4]!
    sxtb16 r7, r11, ror #8  | smlad r4, r3, r6, r4
    smlad r5, r3, r7, r5    | ldr.w r10, [r0], #4
    + sxtb16 r2, r8         | ldr.w r11, [r0], #4
    + sxtb16 r12, r10
    """,
    ("r10", "r11"),
    "lr",
)
_DIRECT_FOUR = DualStep(
    """
    ldr.w r11, [r0, #4]     | ldr.w r10, [r0], #16
    ldr r12, [r0, #-8]      | ldr.w r9, [r1]
    ldr lr, [r0, #-4]
    sxtb16 r8, r9
    """,
    """
    sxtb16 r2, r10          |
    sxtb16 r9, r9, ror #8   | smlad r4, r8, r2, r4
    sxtb16 r10, r10, ror #8 |
    sxtb16 r3, r11          | smlad r4, r9, r10, r4
    sxtb16 r11, r11, ror #8 | smlad r5, r8, r3, r5
    sxtb16 r2, r12          | smlad r5, r9, r11, r5
    sxtb16 r12, r12, ror #8 | smlad r6, r8, r2, r6
    sxtb16 r3, lr           | smlad r6, r9, r12, r6
    sxtb16 lr, lr, ror #8   | smlad r7, r8, r3, r7
    smlad r7, r9, lr, r7    | ldr.w r10, [r0], #16
    ldr r11, [r0, #-12]     | + ldr.w r9, [r1, #4]!
    ldr r12, [r0, #-8]      | ldr lr, [r0, #-4]
    + sxtb16 r8, r9
    """,
    ("r10", "r11", "r12", "lr"),
    "r3",
)
DUAL_STEPS = {
    (2, 3, False): _TWO_BY_THREE,
    (2, 2, False): _TWO_BY_TWO,
    (2, 1, False): _TWO_BY_ONE,
    (4, 1, False): _FOUR_BY_ONE,
    (2, 1, True): _DIRECT_TWO,
    (4, 1, True): _DIRECT_FOUR,
}
"""By channels, pixels and whether the pixel is read as int8."""
