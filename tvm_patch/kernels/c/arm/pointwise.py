"""A row of a 1×1 convolution: tiles of pixels, each widened once and taken by all output channels.

One tile after the other, or several together that take one block of channels after the other
(:mod:`tvm_patch.kernels.c.arm.dot_batch`).

All layers with the same rescaling share the function; what differs between them are its arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tvm_patch.kernels.c.arm.dot_batch import dot_batch, while_tiles
from tvm_patch.kernels.c.arm.dot_product import dot_product
from tvm_patch.kernels.c.arm.dot_tile import DotTile
from tvm_patch.kernels.c.arm.function import ArmFunction, CFunction
from tvm_patch.kernels.c.arm.rescaling import WORDS, Rescaling
from tvm_patch.kernels.c.arm.widen import widen


@dataclass(frozen=True)
class PointwiseRow:
    """What one function is made for.

    Attributes
    ----------
    pixels : int
        Most pixels of a tile, 2 or 3.
    unroll : int
        See :class:`DotTile`.
    rescaling : Rescaling
        From sums to int8.
    single : bool
        Whether a single pixel may be left over.
    straight, dual, joined
        See :class:`DotTile`.
    """

    pixels: int
    unroll: int
    rescaling: Rescaling
    single: bool
    straight: int = 0
    dual: bool = False
    joined: bool = False

    def tile(self, pixels: int) -> DotTile:
        """Return the register tile of so many pixels."""
        return DotTile(
            pixels,
            _GROUP,
            self.unroll,
            rescaling=self.rescaling,
            straight=self.straight,
            dual=self.dual,
            joined=self.joined,
        )

    @property
    def tiles(self) -> tuple[int, ...]:
        """Sizes of tiles, the greatest first."""
        return (*range(self.pixels, 1, -1), *((1,) if self.single else ()))


_GROUP = 2


def needs_single(pixels: int, width: int) -> bool:
    """Tell whether tiles of at most `pixels` leave a single pixel of a row."""
    return width == 1 or (pixels == 2 and width % 2 == 1)


def pointwise_row(row: PointwiseRow) -> tuple[ArmFunction | CFunction, ...]:
    """Return ``(in, stream, scratch, out, pixels, quads, step, outputs[, base])``, after the functions it calls.

    ``quads`` fours of inputs a pixel, ``step`` bytes from one to the next, ``outputs`` channels, at least 2;
    ``base`` in the signed form.
    """
    callees: list[ArmFunction | CFunction] = []
    base = ", base" if row.rescaling.signed else ""
    lines = [
        f"  const int32_t group = {_GROUP} * (quads + {WORDS});",
        f"  const int32_t *const end = stream + (outputs / {_GROUP}) * group;",
        f"  const int32_t rest = (quads - {row.tile(row.pixels).apart}) % {row.unroll};",
    ]
    for n in row.tiles:
        tile = row.tile(n)
        wide, dot = widen(n, dual=row.dual, joined=row.joined), dot_product(tile)
        callees += [wide, dot]
        numbers = f"quads * {tile.quad_bytes}, rest * {tile.step_bytes}, outputs{base}"
        lines += [
            f"  {while_tiles(n, 'pixels')} {{",
            f"    {wide.name}(in, scratch, quads, step);",
            f"    {dot.name}(stream, scratch, out, end, {numbers});",
            f"    if (outputs % {_GROUP}) {{",
            f"      {dot.name}(end, scratch, out + outputs - {_GROUP}, end + group, {numbers});",
            "    }",
            f"    in += {n} * step;",
            f"    out += {n} * outputs;",
            f"    pixels -= {n};",
            "  }",
        ]
    return (*callees, _function("pointwise", row, lines))


def pointwise_batches(row: PointwiseRow) -> tuple[ArmFunction | CFunction, ...]:
    """Return ``(in, stream, scratch, out, pixels, quads, step, outputs, together, block[, base])`` likewise.

    ``together`` pixels, a multiple of those of a tile if less than all, are widened before ``block`` channels at a
    time, an even number, are made of them.
    """
    batch = dot_batch({n: row.tile(n) for n in row.tiles})
    callees: list[ArmFunction | CFunction] = [*batch]
    lines = [
        "  while (pixels > 0) {",
        "    int32_t now = pixels > together ? together : pixels, left;",
        "    int8_t *to = scratch;",
        "    now -= pixels - now == 1; /* two are left then, since one takes long */",
        "    left = now;",
    ]
    for n in row.tiles:
        wide = widen(n, dual=row.dual, joined=row.joined)
        callees.append(wide)
        lines += [
            f"    {while_tiles(n, 'left')} {{",
            f"      {wide.name}(in, to, quads, step);",
            f"      in += {n} * step;",
            f"      to += quads * {row.tile(n).quad_bytes};",
            f"      left -= {n};",
            "    }",
        ]
    base = ", base" if row.rescaling.signed else ""
    lines += [
        f"    {batch[-1].name}(stream, scratch, out, now, quads, outputs, block{base});",
        "    out += now * outputs;",
        "    pixels -= now;",
        "  }",
    ]
    return (*callees, _function("pointwise_batches", row, lines, ("int32_t together", "int32_t block")))


def _function(stem: str, row: PointwiseRow, lines: Sequence[str], more: tuple[str, ...] = ()) -> CFunction:
    parameters = (
        "const int8_t *in",
        "const int32_t *stream",
        "int8_t *scratch",
        "int8_t *out",
        "int32_t pixels",
        "int32_t quads",
        "int32_t step",
        "int32_t outputs",
        *more,
        *(("int32_t base",) if row.rescaling.signed else ()),
    )
    return CFunction(f"{stem}_{row.pixels}", parameters, "\n".join([*lines, ""]))
