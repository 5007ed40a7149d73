"""Pixels of a tile widened to int16: bytes 0 and 2, then bytes 1 and 3, of every four, as SXTB16 makes them.

All output channels share the result, so its cost is that of one of them.  Four inputs of a pixel are followed by the
same four of the next pixel, in the order in which :mod:`tvm_patch.kernels.c.arm.dot_product` reads them.  For joined
weights (:mod:`tvm_patch.kernels.c.arm.dot_steps_joined`) the odd inputs are folded.
"""

from __future__ import annotations

from tvm_patch.kernels.c.arm.dot_steps_joined import FOLD, widened_pixel
from tvm_patch.kernels.c.arm.function import ArmFunction
from tvm_patch.kernels.c.arm.scheduling import for_two_issues


def widen(pixels: int, *, dual: bool, joined: bool) -> ArmFunction:
    """Return the function ``(from, to, quads, step)`` that widens ``4 * quads`` neighbours of each pixel.

    ``quads`` is at least 1, ``step`` the bytes from one pixel to the next.

    Parameters
    ----------
    pixels : int
        Pixels of the tile, at most 3.
    dual : bool
        Whether the code is for a core that issues two instructions a cycle.
    joined : bool
        Whether weights are joined: odd inputs are folded, and lie behind the even ones of all pixels.
    """
    saved, one, portable = _joined(pixels) if joined else _alternating(pixels)
    # Two at a time, an odd one first.
    code = [f"push {{{saved}, lr}}", "lsrs r2, #1", "bcc 1f", *one, "cbz r2, 2f"]
    code += ["1:", *one, *one, "subs r2, #1", "bne 1b", "2:", f"pop {{{saved}, pc}}"]
    body = f"""  int32_t k, p;
  for (k = 0; k < quads; ++k) {{
    for (p = 0; p < {pixels}; ++p) {{
{portable}
    }}
  }}
"""
    parameters = ("const int8_t *from", "int8_t *to", "int32_t quads", "int32_t step")
    stem = f"widen_{pixels}{'_folded' if joined else ''}"
    if dual:
        stem, code = f"{stem}_dual", for_two_issues(code)
    return ArmFunction(stem, parameters, tuple(code), body)


_FROM = ("[r0], #4", "[r0, r3]", "[r0, r3, lsl #1]")
"""Of the pixels; that of the first steps the pointer."""


def _alternating(pixels: int) -> tuple[str, list[str], str]:
    """Return a register to save, the code for four inputs, and the same in C."""
    one = []
    # The first pixel last: its instructions step the pointers.
    for p, source in reversed(list(enumerate(_FROM[:pixels]))):
        one += [f"ldr r4, {source}", "sxtb16 r12, r4", "sxtb16 r4, r4, ror #8"]
        one.append(f"strd r12, r4, [r1, #{8 * p}]" if p else f"strd r12, r4, [r1], #{8 * pixels}")
    portable = f"      tvmp_store_pairs(to + 8 * ({pixels} * k + p), tvmp_load4(from + step * p + 4 * k));"
    return "r4", one, portable


def _joined(pixels: int) -> tuple[str, list[str], str]:
    """Return likewise for folded inputs."""
    even, raw = ("r4", "r5", "r6")[:pixels], ("r7", "r8", "r12")[:pixels]
    one = [f"ldr {r}, {source}" for r, source in reversed(list(zip(raw, _FROM, strict=False)))]
    for e, r in zip(even, raw, strict=True):
        one += widened_pixel(e, r)
    one.append(f"stm r1!, {{{', '.join(even + raw)}}}")
    portable = f"""      const uint32_t four = tvmp_load4(from + step * p + 4 * k);
      tvmp_store4(to + 4 * ({2 * pixels} * k + p), tvmp_sxtb16(four));
      tvmp_store4(to + 4 * ({2 * pixels} * k + {pixels} + p), four ^ {FOLD:#x}u);"""
    return "r4, r5, r6, r7, r8", one, portable
