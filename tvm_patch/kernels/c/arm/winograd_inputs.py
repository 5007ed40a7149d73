"""Inputs of Winograd tiles: sums and differences of columns, widened to int16 (:mod:`tvm_patch.integer.winograd`).

A tile makes two columns of outputs from four of inputs, of which it shares two with each neighbour.  All output
channels take the result.  Layout, four channels after four channels: by product in the order of
:data:`tvm_patch.integer.winograd.ORDER`, in it channels 0 and 2, then 1 and 3, in them a word a tile.
"""

from __future__ import annotations

from tvm_patch.kernels.c.arm.function import ArmFunction
from tvm_patch.kernels.c.arm.scheduling import for_two_issues

MOST_TILES = 4
"""Tiles that are made together."""


def quad_bytes(tiles: int) -> int:
    """Return the bytes that four channels of one kernel row take."""
    return 32 * tiles


def winograd_inputs(tiles: int, *, single: bool = False, dual: bool = False) -> ArmFunction:
    """Return the function ``(row, to, quads, step)`` for ``4 * quads`` channels of one kernel row.

    Parameters
    ----------
    tiles : int
        Neighbouring tiles, 1 to 4.
    single : bool
        Whether only the first column of outputs of a single tile is wanted: the fourth column of inputs, which may not
        be there, is then not read, and the third stands for it.
    dual : bool
        Whether the code is for a core that issues two instructions a cycle.
    """
    if single and tiles != 1:
        raise ValueError("a single column is one tile's")
    stem = f"winograd_inputs_{tiles}{'_single' if single else ''}"
    code = _assembly(tiles, single)
    if dual:
        stem, code = f"{stem}_dual", for_two_issues(code)
    parameters = ("const int8_t *row", "int8_t *to", "int32_t quads", "int32_t step")
    return ArmFunction(stem, parameters, tuple(code), _portable(tiles, single))


def _assembly(tiles: int, single: bool) -> list[str]:
    """Return the code; r12 walks through the columns, r4 to r11 hold four of them."""
    before, after = ["r4", "r5", "r6", "r7"], ["r8", "r9", "r10", "r11"]
    out = ["push {r4, r5, r6, r7, r8, r9, r10, r11, lr}", "1:"]
    out += ["ldr r4, [r0]", "ldr r6, [r0, r3]", "add r12, r0, r3, lsl #1", *_widened(before)]
    for t in range(tiles):
        d0, e0, d1, e1 = before
        d2, e2, d3, e3 = after
        out += [f"ldr {d2}, [r12]", f"ldr {d3}, [r12{'' if single else ', r3'}]", *_widened(after)]
        out += ["add r12, r12, r3, lsl #1"] if t < tiles - 1 else []
        # What a column is not needed for any more takes its place.
        for half, (x0, x1, x2, x3) in enumerate(((d0, d1, d2, d3), (e0, e1, e2, e3))):
            made = (
                (f"ssub16 {x0}, {x0}, {x2}", x0, 3),
                (f"sadd16 lr, {x1}, {x2}", "lr", 0),
                (f"ssub16 lr, {x2}, {x1}", "lr", 1),
                (f"ssub16 {x1}, {x3}, {x1}", x1, 2),
            )
            for line, register, place in made:
                out += [line, f"str {register}, [r1, #{4 * (tiles * (2 * place + half) + t)}]"]
        before, after = after, before
    out += ["add r0, #4", f"add r1, #{quad_bytes(tiles)}", "subs r2, #1", "bne 1b"]
    return [*out, "pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}"]


def _widened(columns: list[str]) -> list[str]:
    """Return the widening of two columns, each loaded into its first register."""
    a, b, c, d = columns
    return [f"sxtb16 {b}, {a}, ror #8", f"sxtb16 {a}, {a}", f"sxtb16 {d}, {c}, ror #8", f"sxtb16 {c}, {c}"]


def _portable(tiles: int, single: bool) -> str:
    return f"""  int32_t k, t, c;
  for (k = 0; k < quads; ++k) {{
    for (t = 0; t < {tiles}; ++t) {{
      const int8_t *const d = row + 4 * k + 2 * step * t;
      for (c = 0; c < 4; ++c) {{
        const int32_t d0 = d[c], d1 = d[step + c], d2 = d[2 * step + c], d3 = d[{2 if single else 3} * step + c];
        const int32_t m[4] = {{d1 + d2, d2 - d1, d3 - d1, d0 - d2}};
        int32_t p;
        for (p = 0; p < 4; ++p) {{
          int8_t *const x = to + {4 * tiles} * (2 * p + c % 2) + 4 * t + c / 2 * 2;
          x[0] = (int8_t)(m[p] & 255);
          x[1] = (int8_t)(m[p] >> 8);
        }}
      }}
    }}
    to += {quad_bytes(tiles)};
  }}
"""
