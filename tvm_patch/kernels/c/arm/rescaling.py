"""From sums to int8 in registers; see :mod:`tvm_patch.integer.step_requantize` and :mod:`tvm_patch.integer.line`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tvm_patch.integer.line import LineRequantizer
from tvm_patch.integer.step_requantize import OWN_BITS, SHIFT_BITS, SLOPE_BITS, StepRequantizer
from tvm_patch.kernels.c.arm.function import move

WORDS = 2
"""Words of a channel's constants: the bias with what is below it, or where sums begin, and the multiplier."""


@dataclass(frozen=True)
class Rescaling:
    """What is the same for all channels of a layer.

    Attributes
    ----------
    shift : int
        The layer's shift.
    signed : bool
        Whether accumulators are doubled, and channels have a shift of their own.
    base : int
        In the signed form, the constant before the channel's shift.
    raised : int
        How far accumulators are shifted to the left first.
    clamp : tuple of int
        Least and greatest result; nothing is printed for int8's own.
    line : bool
        Whether a multiplier is all that a channel needs; see :mod:`tvm_patch.integer.line`.
    """

    shift: int
    signed: bool
    base: int = 0
    raised: int = 0
    clamp: tuple[int, int] = (-128, 127)
    line: bool = False

    @classmethod
    def of_line(cls, line: LineRequantizer, clamp: tuple[int, int]) -> Rescaling:
        """Return what the channels of a layer share whose sums begin where their lines want it."""
        return cls(line.shift, signed=False, clamp=clamp, line=True)

    @classmethod
    def of(cls, steps: StepRequantizer, clamp: tuple[int, int]) -> Rescaling:
        """Return what the channels of a layer share."""
        return cls(steps.shift, steps.signed, steps.base, steps.raised, clamp)

    @property
    def own_bits(self) -> int:
        """Bits of a channel's word below the bias."""
        return SHIFT_BITS if self.signed else OWN_BITS

    def bias(self, to: str, word: str) -> list[str]:
        """Return the instruction that takes the bias out of a channel's word."""
        return [f"asr {to}, {word}, #{self.own_bits}"]

    def add_bias(self, acc: Sequence[str], word: str) -> list[str]:
        """Return the instructions that add the bias in a channel's word to accumulators."""
        return [f"add {a}, {a}, {word}, asr #{self.own_bits}" for a in acc]

    def scaled_down(self, acc: Sequence[str], word: str, bits: int, free: str) -> list[str]:
        """Return the same for accumulators that are shifted to the right on the way; `free` is a register to use."""
        if len(acc) == 1:
            return [f"asr {acc[0]}, {acc[0]}, #{bits}", *self.add_bias(acc, word)]
        return [*self.bias(free, word), *(f"add {a}, {free}, {a}, asr #{bits}" for a in acc)]

    def constant(self, word: str, multiplier: str) -> list[str]:
        """Return the instructions that leave of a word what :meth:`assembly` wants."""
        if self.signed or self.line:  # shifts by register read the lowest byte only
            return []
        return [
            f"ubfx {word}, {word}, #0, #{OWN_BITS}",
            f"bfi {word}, {multiplier}, #{OWN_BITS}, #{SLOPE_BITS}",
        ]

    def assembly(
        self,
        acc: Sequence[str],
        multiplier: str,
        constant: str,
        first: str,
        second: str,
        base: Sequence[str] | None = None,
        base_in: str | None = None,
    ) -> list[str]:
        """Return the instructions that replace the accumulators of one channel by the results.

        Parameters
        ----------
        acc : sequence of str
            Registers.
        multiplier, constant : str
            Registers with the channel's numbers; see :meth:`constant`.  A line has no constant.
        first, second : str
            Registers to use, in the signed form.
        base : sequence of str, optional
            Instructions that load the base into `first`; without them it is an immediate.
        base_in : str, optional
            A register that holds the base, which then is not loaded.
        """
        amount = f", asr #{self.shift}" if self.shift else ""
        out: list[str] = []
        if self.signed:
            if base_in is None:
                out += move(first, self.base & 0xFFFFFFFF) if base is None else base
            out.append(f"lsl {first}, {base_in or first}, {constant}")
        for a in acc:
            if self.signed:
                out += [f"add {second}, {first}, {a}, asr #31", f"lsl {a}, {a}, #1"]
                out += [f"smmlar {a}, {a}, {multiplier}, {second}", f"asr {a}, {a}, {constant}"]
            elif self.line:
                out.append(f"smmulr {a}, {a}, {multiplier}")
            else:
                out += [f"lsl {a}, {a}, #{self.raised}"] if self.raised else []
                out.append(f"smmlar {a}, {a}, {multiplier}, {constant}")
            out.append(f"ssat {a}, #8, {a}{amount}")
            if self.clamp[0] > -128:
                out += [f"cmp {a}, #{self.clamp[0]}", "it lt", _set("lt", a, self.clamp[0])]
            if self.clamp[1] < 127:
                out += [f"cmp {a}, #{self.clamp[1]}", "it gt", _set("gt", a, self.clamp[1])]
        return out

    def portable(self, acc: str, word: str, multiplier: str, base: str | None = None) -> str:
        """Return the same as a C expression of a sum with its bias and the channel's words."""
        if self.signed:
            base = str(self.base) if base is None else base
            value = f"tvmp_step_signed({acc}, {word}, {multiplier}, {self.shift}, {base})"
        elif self.line:
            value = f"tvmp_step_line({acc}, {multiplier}, {self.shift})"
        else:
            acc = f"tvmp_raised({acc}, {self.raised})" if self.raised else acc
            value = f"tvmp_step({acc}, {word}, {multiplier}, {self.shift})"
        if self.clamp[0] > -128:
            value = f"tvmp_max({value}, {self.clamp[0]})"
        return f"tvmp_min({value}, {self.clamp[1]})" if self.clamp[1] < 127 else value


def _set(condition: str, register: str, value: int) -> str:
    return f"mov{condition} {register}, #{value}" if value >= 0 else f"mvn{condition} {register}, #{~value}"
