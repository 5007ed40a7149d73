"""Several tiles of widened pixels with all output channels, one block of channels after the other.

Its weights stay in the data cache while all tiles take them; see :mod:`tvm_patch.kernels.c.blocks`.
"""

from __future__ import annotations

from collections.abc import Mapping

from tvm_patch.kernels.c.arm.dot_product import dot_product
from tvm_patch.kernels.c.arm.dot_tile import DotTile
from tvm_patch.kernels.c.arm.function import ArmFunction, CFunction
from tvm_patch.kernels.c.arm.rescaling import WORDS


def while_tiles(pixels: int, left: str) -> str:
    """Return the head of the loop over tiles of so many pixels, where a variable says how many pixels are left.

    Threes come first, but never such that one pixel is left over; there is at most one single pixel.
    """
    return {
        3: f"while ({left} == 3 || {left} > 4)",
        2: f"while ({left} > 1)",
        1: f"if ({left} > 0)",
    }[pixels]


def dot_batch(tiles: Mapping[int, DotTile]) -> tuple[ArmFunction | CFunction, ...]:
    """Return ``(stream, widened, out, pixels, quads, outputs, block[, base])``, after the functions it calls.

    ``pixels`` lie one after the other, in ``widened`` tile by tile as :func:`while_tiles` says; ``quads`` fours of
    inputs a pixel, ``outputs`` channels, at least 2, of which an even number, ``block``, is made at a time.

    Parameters
    ----------
    tiles : mapping of int to DotTile
        Of two channels, by their pixels, the greatest first.
    """
    most = next(iter(tiles.values()))
    signed = most.rescaling.signed
    parameters = (
        "const int32_t *stream",
        "const int8_t *widened",
        "int8_t *out",
        "int32_t pixels",
        "int32_t quads",
        "int32_t outputs",
        "int32_t block",
        *(("int32_t base",) if signed else ()),
    )
    group = most.channels
    lines = [
        f"  const int32_t group = {group} * (quads + {WORDS}), whole = outputs - outputs % {group};",
        f"  const int32_t rest = (quads - {most.apart}) % {most.unroll};",
        "  int32_t begin = 0;",
        "  while (begin < outputs) {",
        "    /* The last of an odd number comes with its neighbour. */",
        f"    const int32_t first = begin < whole ? begin : outputs - {group};",
        "    const int32_t many = begin == whole ? outputs - first : whole - begin > block ? block : whole - begin;",
        f"    const int32_t *const end = stream + many / {group} * group;",
        "    const int8_t *x = widened;",
        "    int8_t *to = out + first;",
        "    int32_t left = pixels;",
    ]
    callees: list[ArmFunction | CFunction] = []
    for n, tile in tiles.items():
        dot = dot_product(tile)
        callees.append(dot)
        numbers = f"quads * {tile.quad_bytes}, rest * {tile.step_bytes}, outputs{', base' if signed else ''}"
        lines += [
            f"    {while_tiles(n, 'left')} {{",
            f"      {dot.name}(stream, x, to, end, {numbers});",
            f"      x += quads * {tile.quad_bytes};",
            f"      to += {n} * outputs;",
            f"      left -= {n};",
            "    }",
        ]
    lines += ["    stream = end;", "    begin = first + many;", "  }", ""]
    return (*callees, CFunction(f"dot_batch_{most.pixels}", parameters, "\n".join(lines)))
