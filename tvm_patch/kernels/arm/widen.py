"""Pixels of a tile widened to int16: bytes 0 and 2, then bytes 1 and 3, of every four, as SXTB16 makes them.

All output channels share the result, so its cost is that of one of them.  Four inputs of a pixel are followed by the
same four of the next pixel, in the order in which :mod:`tvm_patch.kernels.arm.dot_tile` reads them.
"""

from __future__ import annotations

from tvm_patch.kernels.arm.function import ArmFunction

_UNROLL = 4
MOST_OFFSET = 4095
"""Bytes that an LDR reaches."""


def widen(pixels: int, quads: int, step: int) -> ArmFunction:
    """Return the function ``(from, to)`` that widens ``4 * quads`` neighbours of each pixel.

    Parameters
    ----------
    pixels : int
        Pixels of the tile.
    quads : int
        Fours of inputs, at least 1.
    step : int
        Bytes from one pixel to the next.  Raises ValueError where an LDR cannot reach the last.
    """
    if (pixels - 1) * step > MOST_OFFSET:
        raise ValueError("the pixels of a tile lie too far apart for one LDR")
    rounds = quads // _UNROLL if quads > 2 * _UNROLL else 0
    one = []
    # The first pixel last: its instructions step the pointers.
    for p in range(pixels - 1, -1, -1):
        one.append(f"ldr r3, [r0, #{p * step}]" if p else "ldr r3, [r0], #4")
        one += ["sxtb16 r12, r3", "sxtb16 r3, r3, ror #8"]
        one.append(f"strd r12, r3, [r1, #{8 * p}]" if p else f"strd r12, r3, [r1], #{8 * pixels}")
    code = one * (quads - _UNROLL * rounds)
    if rounds:
        code += [f"mov r2, #{rounds}", "1:", *(one * _UNROLL), "subs r2, #1", "bne 1b"]
    portable = f"""  int32_t k, p;
  for (k = 0; k < {quads}; ++k) {{
    for (p = 0; p < {pixels}; ++p) {{
      tvmp_store_pairs(to + 8 * ({pixels} * k + p), tvmp_load4(from + {step} * p + 4 * k));
    }}
  }}
"""
    return ArmFunction(
        f"widen_{pixels}x{4 * quads}", ("const int8_t *from", "int8_t *to"), (*code, "bx lr"), portable
    )
