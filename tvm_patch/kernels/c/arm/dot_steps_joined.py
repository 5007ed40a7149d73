"""Four inputs of a dot product whose weights are joined: one SXTB16 for four of them instead of two.

Two weights, `p` of an even input `x` and `q` of the odd one `y` behind it, are a halfword ``256 * p + q``.  SMLAD takes
it as it is, with `x`; SXTB16 leaves `q`, which meets ``256 * y - x + 127``:

    (256 * p + q) * x + q * (256 * y - x + 127) = 256 * (p * x + q * y) + 127 * q

The sum is the dot product times 256, and a constant that the bias takes back (:class:`~tvm_patch.kernels.c.stream.
DotStream` says where that fits into int32).  An odd input so *folded* is a halfword of the input itself, the two bytes
`x` and `y`, with seven bits turned over; nothing between -128 and 127 leaves int16.

Words are loaded in runs, since each after the first takes a cycle only.  For two channels and three pixels that is 19
instructions and 24 cycles for 24 multiplications, in exactly fourteen registers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tvm_patch.kernels.c.arm.dot_steps import product, sums_of

FOLD = 0x7F007F
"""What turns two pairs of inputs into two folded ones, by exclusive or."""

Begin = Literal["goes on", "at zero", "at a number"]
"""Whether a step begins the sums; the numbers at which they begin come before the weights, one a channel."""


def joined_step(
    channels: int, pixels: int, direct: bool, begin: Begin = "goes on", stop: str = ""
) -> list[str]:
    """Return four inputs of a tile; `direct` reads the pixel as int8.

    With `stop`, an address, the step compares with what lies there: where the pixels' pointer is, but for
    :func:`behind_stop`.
    """
    acc = sums_of(channels, pixels)
    if channels == 4:
        weights = ("r10", "r11", "r12", "lr")
        return _run(acc, weights, ("r2",), ("r3",), direct, begin, stop)
    if pixels == 3:
        return _three_pixels(acc, begin, stop)
    even, odd = (("r2",), ("r3",)) if pixels == 1 else (("r2", "r3"), ("r10", "r11"))
    return _run(acc, ("r12", "lr"), even, odd, direct, begin, stop)


def behind_stop(pixels: int) -> int:
    """Return the bytes of pixels that a step loads after it has compared."""
    return 16 if pixels == 3 else 0


def widened_pixel(even: str, raw: str) -> list[str]:
    """Return what makes even inputs, and folded ones in their place, of four."""
    return [f"sxtb16 {even}, {raw}", f"eor {raw}, {raw}, #{FOLD}"]


def _run(
    acc: Sequence[Sequence[str]],
    weights: Sequence[str],
    even: Sequence[str],
    odd: Sequence[str],
    direct: bool,
    begin: Begin,
    stop: str,
) -> list[str]:
    """Return a step that loads all its words in one run."""
    x = odd if direct else (*even, *odd)
    out = _compared([*_stream(acc, weights, begin), *_loads("r1", x)], "r8", stop)
    out += widened_pixel(even[0], odd[0]) if direct else []
    out += _products(acc, even, weights, begin)
    out += _odd_weights(weights)
    return out + _products(acc, odd, weights)


def _three_pixels(acc: Sequence[Sequence[str]], begin: Begin, stop: str) -> list[str]:
    """Return a step in which LDM loads what there are no registers for in the run before."""
    weights = ("r12", "lr")
    out = _compared([*_stream(acc, weights, begin), *_loads("r1", ("r2", "r3"))], "r10", stop)
    out += _products(acc, ("r2", "r3"), weights, begin)
    out.append("ldm.w r1!, {r2, r3, r10, r11}")
    out += _products(acc, ("r2",), weights, begin, first=2)
    out += _odd_weights(weights)
    return out + _products(acc, ("r3", "r10", "r11"), weights)


def _stream(acc: Sequence[Sequence[str]], weights: Sequence[str], begin: Begin) -> list[str]:
    """Return the loading of weights; where a sum begins is held by that of its last pixel."""
    return _loads("r0", (*(a[-1] for a in acc), *weights) if begin == "at a number" else weights)


def _compared(loads: list[str], free: str, stop: str) -> list[str]:
    """Return a run of loads that a comparison follows; no multiplication changes the flags."""
    return [f"ldr {free}, {stop}", *loads, f"cmp r1, {free}"] if stop else loads


def _loads(address: str, words: Sequence[str]) -> list[str]:
    """Return a run of loads; the first word comes last and steps the address, for which the others would wait."""
    out = [f"ldr.w {w}, [{address}, #{4 * i}]" for i, w in enumerate(words) if i]
    return [*out, f"ldr.w {words[0]}, [{address}], #{4 * len(words)}"]


def _odd_weights(words: Sequence[str]) -> list[str]:
    return [f"sxtb16 {w}, {w}" for w in words]


def _products(
    acc: Sequence[Sequence[str]],
    x: Sequence[str],
    weights: Sequence[str],
    begin: Begin = "goes on",
    *,
    first: int = 0,
) -> list[str]:
    """Return the multiplications of pixels from `first` on."""
    out = []
    for p, data in enumerate(x, first):
        for a, w in zip(acc, weights, strict=True):
            if begin == "at a number":
                out.append(f"smlad {a[p]}, {data}, {w}, {a[-1]}")
            else:
                out.append(product(a[p], data, w, begin == "at zero"))
    return out
