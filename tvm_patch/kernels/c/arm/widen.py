"""Pixels of a tile widened to int16: bytes 0 and 2, then bytes 1 and 3, of every four, as SXTB16 makes them.

All output channels share the result, so its cost is that of one of them.  Four inputs of a pixel are followed by the
same four of the next pixel, in the order in which :mod:`tvm_patch.kernels.c.arm.dot_product` reads them.
"""

from __future__ import annotations

from tvm_patch.kernels.c.arm.function import ArmFunction
from tvm_patch.kernels.c.arm.scheduling import for_two_issues


def widen(pixels: int, dual: bool = False) -> ArmFunction:
    """Return the function ``(from, to, quads, step)`` that widens ``4 * quads`` neighbours of each pixel.

    ``quads`` is at least 1, ``step`` the bytes from one pixel to the next.

    Parameters
    ----------
    pixels : int
        Pixels of the tile, at most 3.
    dual : bool
        Whether the code is for a core that issues two instructions a cycle.
    """
    one = []
    # The first pixel last: its instructions step the pointers.
    for p, source in reversed(list(enumerate(("[r0], #4", "[r0, r3]", "[r0, r3, lsl #1]")[:pixels]))):
        one += [f"ldr r4, {source}", "sxtb16 r12, r4", "sxtb16 r4, r4, ror #8"]
        one.append(f"strd r12, r4, [r1, #{8 * p}]" if p else f"strd r12, r4, [r1], #{8 * pixels}")
    # Two at a time, an odd one first.
    code = ["push {r4, lr}", "lsrs r2, #1", "bcc 1f", *one, "cbz r2, 2f"]
    code += ["1:", *one, *one, "subs r2, #1", "bne 1b", "2:", "pop {r4, pc}"]
    portable = f"""  int32_t k, p;
  for (k = 0; k < quads; ++k) {{
    for (p = 0; p < {pixels}; ++p) {{
      tvmp_store_pairs(to + 8 * ({pixels} * k + p), tvmp_load4(from + step * p + 4 * k));
    }}
  }}
"""
    parameters = ("const int8_t *from", "int8_t *to", "int32_t quads", "int32_t step")
    stem = f"widen_{pixels}"
    if dual:
        stem, code = f"{stem}_dual", for_two_issues(code)
    return ArmFunction(stem, parameters, tuple(code), portable)
