"""Four inputs of a dot product on a core that issues one instruction a cycle, with weights as they are.

What :mod:`tvm_patch.kernels.c.arm.dot_steps_joined` does in less time goes for nearly all layers; this is
for the others.

For two channels and three pixels they take one LDRD of weights, four SXTB16, three LDRD of pixels and twelve SMLAD: 20
instructions for 24 multiplications, in exactly fourteen registers.
"""

from __future__ import annotations

from collections.abc import Sequence

_FREE = ("r4", "r5", "r6", "r7", "r8", "r9")
_RAW = ("r10", "r11")
_WIDE = ("r12", "lr")
_X = ("r2", "r3")


def sums_of(channels: int, pixels: int) -> list[tuple[str, ...]]:
    """Return the registers of the sums, by channel and pixel."""
    return [_FREE[c * pixels : (c + 1) * pixels] for c in range(channels)]


def single_step(channels: int, pixels: int, direct: bool, *, fresh: bool = False) -> list[str]:
    """Return four inputs of a tile; `fresh` begins the sums, `direct` reads the pixel as int8."""
    step = _wide_step if channels == 4 else _pair_step
    return step(direct, sums_of(channels, pixels), fresh)


def _pixel(direct: bool, even: str, odd: str) -> list[str]:
    """Return the loading of four inputs of a pixel."""
    if not direct:
        return [f"ldrd {even}, {odd}, [r1], #8"]
    return [f"ldr {odd}, [r1], #4", f"sxtb16 {even}, {odd}", f"sxtb16 {odd}, {odd}, ror #8"]


def _pair_step(direct: bool, acc: Sequence[Sequence[str]], fresh: bool) -> list[str]:
    """Return four inputs of two channels; `fresh` begins the sums."""
    # The first pixel is loaded while the core waits for the weights.
    out = ["ldrd r10, r11, [r0], #8", *_pixel(direct, *_X)]
    for raw, wide in zip(_RAW, _WIDE, strict=True):
        out += [f"sxtb16 {wide}, {raw}", f"sxtb16 {raw}, {raw}, ror #8"]
    for p in range(len(acc[0])):
        out += _pixel(direct, *_X) if p else []
        for x, weights in zip(_X, (_WIDE, _RAW), strict=True):
            for a, w in zip(acc, weights, strict=True):
                out.append(product(a[p], x, w, fresh and x == _X[0]))
    return out


def _wide_step(direct: bool, acc: Sequence[Sequence[str]], fresh: bool) -> list[str]:
    """Return four inputs of four channels and one pixel; `fresh` begins the sums."""
    words = ("r10", "r11", "r12", "lr")
    out = [*_pixel(direct, "r8", "r9"), f"ldm r0!, {{{', '.join(words)}}}"]
    for a, w in zip(acc, words, strict=True):
        out += [f"sxtb16 r2, {w}", f"sxtb16 {w}, {w}, ror #8"]
        out += [product(a[0], "r8", "r2", fresh), product(a[0], "r9", w, False)]
    return out


def product(acc: str, x: str, weights: str, fresh: bool) -> str:
    """Return two multiplications; `fresh` begins the sum."""
    return f"smuad {acc}, {x}, {weights}" if fresh else f"smlad {acc}, {x}, {weights}, {acc}"
