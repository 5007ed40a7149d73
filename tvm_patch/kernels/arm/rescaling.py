"""From sums to int8 in registers; see :mod:`tvm_patch.integer.step_requantize`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WORDS = 2
"""Words of a channel's constants: multiplier and constant."""


@dataclass(frozen=True)
class Rescaling:
    """What is the same for all channels of a layer.

    Attributes
    ----------
    shift : int
        The layer's shift.
    signed : bool
        Whether accumulators are doubled, and channels have a shift of their own.
    clamp : tuple of int
        Least and greatest result; nothing is printed for int8's own.
    """

    shift: int
    signed: bool
    clamp: tuple[int, int] = (-128, 127)

    def assembly(
        self, acc: Sequence[str], multiplier: str, constant: str, first: str, second: str
    ) -> list[str]:
        """Return the instructions that replace the accumulators of one channel by the results.

        Parameters
        ----------
        acc : sequence of str
            Registers.
        multiplier, constant : str
            Registers with the channel's words.  In the signed form the second holds the channel's own shift in its
            lowest byte, which is what a shift by register reads, and the constant above it.
        first, second : str
            Registers to use, in the signed form.
        """
        amount = f", asr #{self.shift}" if self.shift else ""
        out = [f"asr {first}, {constant}, #8"] if self.signed else []
        for a in acc:
            if self.signed:
                out += [f"add {second}, {first}, {a}, asr #31", f"lsl {a}, {a}, #1"]
                out += [f"smmlar {a}, {a}, {multiplier}, {second}", f"asr {a}, {a}, {constant}"]
            else:
                out.append(f"smmlar {a}, {a}, {multiplier}, {constant}")
            out.append(f"ssat {a}, #8, {a}{amount}")
            if self.clamp[0] > -128:
                out += [f"cmp {a}, #{self.clamp[0]}", "it lt", _set("lt", a, self.clamp[0])]
            if self.clamp[1] < 127:
                out += [f"cmp {a}, #{self.clamp[1]}", "it gt", _set("gt", a, self.clamp[1])]
        return out

    def portable(self, acc: str, at: str) -> str:
        """Return the same as a C expression; `at` points at the channel's words."""
        name = "tvmp_step_signed" if self.signed else "tvmp_step"
        value = f"{name}({acc}, {at}[0], {at}[1], {self.shift})"
        if self.clamp[0] > -128:
            value = f"tvmp_max({value}, {self.clamp[0]})"
        return f"tvmp_min({value}, {self.clamp[1]})" if self.clamp[1] < 127 else value


def _set(condition: str, register: str, value: int) -> str:
    return f"mov{condition} {register}, #{value}" if value >= 0 else f"mvn{condition} {register}, #{~value}"
