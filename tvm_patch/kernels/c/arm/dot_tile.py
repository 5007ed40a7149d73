"""Dot products of a few pixels with all output channels: the inner loop of dense convolutions.

The pixels come widened to int16 (see :mod:`tvm_patch.kernels.c.arm.widen`), four inputs of one pixel after the same
four of the next, so that one pointer walks through them while another walks through the stream of weights.  For two
channels and three pixels, four inputs take one LDRD of weights, four SXTB16, three LDRD of pixels and twelve SMLAD:
20 instructions for 24 multiplications, in exactly fourteen registers.

The stream holds, group of channels after group, what the code consumes: per four inputs one word of weights a channel,
then a word with the bias and a multiplier a channel (see :mod:`tvm_patch.kernels.c.stream`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tvm_patch.kernels.c.arm.function import ArmFunction, enter, leave
from tvm_patch.kernels.c.arm.rescaling import WORDS, Rescaling

_FREE = ("r4", "r5", "r6", "r7", "r8", "r9")
_RAW = ("r10", "r11")
_WIDE = ("r12", "lr")
_X = ("r2", "r3")


@dataclass(frozen=True)
class DotTile:
    """What one function is made for; everything else is an argument, so that layers share it.

    Attributes
    ----------
    pixels : int
        1 to 3.
    channels : int
        Of a group: 2, or 4 for one pixel.
    unroll : int
        Fours of inputs an iteration.
    rescaling : Rescaling
        From sums to int8.
    direct : bool
        Whether the single pixel is read as int8 and widened on the way, by every group again: no scratch is needed.
    straight : int
        Fours of inputs, where the code is for so many only and has no loop over them; 0 for any number.
    early : bool
        Whether pixels after the first are loaded word by word during the products of the one before: an instruction
        more a pixel, and on a Cortex-M7 a cycle less, which the core would have waited for the load.
    """

    pixels: int
    channels: int
    unroll: int
    rescaling: Rescaling
    direct: bool = False
    straight: int = 0
    early: bool = False

    def __post_init__(self) -> None:
        if (self.pixels, self.channels) not in ((1, 2), (1, 4), (2, 2), (3, 2)):
            raise ValueError(f"no tile of {self.channels} channels and {self.pixels} pixels")
        if self.direct and self.pixels != 1:
            raise ValueError("only a single pixel is read directly")

    @property
    def quad_bytes(self) -> int:
        """Bytes of the pixels that four inputs of a tile take."""
        return 4 if self.direct else 8 * self.pixels

    def numbers(self, quads: int, out_step: int) -> tuple[int, ...]:
        """Return the function's last arguments.

        Parameters
        ----------
        quads : int
            Fours of inputs of an output, at least 1.
        out_step : int
            Bytes from one pixel of the output to the next.
        """
        # The first four stand alone, then the loop is entered such that it ends with a whole iteration.
        entry = (quads - 1) % self.unroll * step_bytes(self)
        base = (self.rescaling.base,) if self.rescaling.signed else ()
        return (quads * self.quad_bytes, entry, out_step, *base)


def dot_tile(tile: DotTile) -> ArmFunction:
    """Return the function ``(stream, pixels, out, end, span, entry, out_step[, base])``: the groups in [stream, end).

    ``pixels`` is word-aligned unless it is read directly; ``out`` points at the first channel of the first pixel; the
    others come from :meth:`DotTile.numbers`.
    """
    parameters: tuple[str, ...] = (
        "const int32_t *stream",
        "const int8_t *pixels",
        "int8_t *out",
        "const int32_t *end",
        "int32_t span",
        "int32_t entry",
        "int32_t out_step",
    )
    if tile.rescaling.signed:
        parameters += ("int32_t base",)
    stem = f"dot_{tile.channels}x{tile.pixels}{'_direct' if tile.direct else ''}"
    stem += f"_of_{4 * tile.straight}" if tile.straight else ""
    stem += "_early" if tile.early else ""
    return ArmFunction(stem, parameters, tuple(_assembly(tile)), _portable(tile))


_STOP, _ENTRY, _PIXELS, _OUT, _END = (f"[sp, #{4 * i}]" for i in range(5))
_SAVED_BYTES = 12 * 4
"""Three arguments and nine registers: above them lie the arguments that came on the stack."""


def _assembly(tile: DotTile) -> list[str]:
    """Return the code: r0 walks through the stream, r1 through the pixels; what is used rarely lies at sp."""
    acc = _sums(tile)
    step = _step(tile)
    out = enter("r1", "r2", "r3")
    if tile.straight:
        out += ["sub sp, #8", "1:", *step(tile, acc, fresh=True)]
        out += (tile.straight - 1) * step(tile, acc, fresh=False)
    else:
        out += [f"ldr r2, [sp, #{_SAVED_BYTES}]", "add r2, r1"]
        # All instructions of a step have four bytes, so the loop can be entered at any of its steps.
        out += ["adr r4, 3f", f"ldr r3, [sp, #{_SAVED_BYTES + 4}]", "sub r4, r3", "orr r4, #1"]
        out += ["push {r2, r4}", "1:", *step(tile, acc, fresh=True), f"ldr pc, {_ENTRY}", "2:"]
        out += tile.unroll * step(tile, acc, fresh=False)
        out += ["3:", f"ldr r2, {_STOP}", "cmp r1, r2", "bne 2b"]
    base = [f"ldr r12, [sp, #{_SAVED_BYTES + 8 + 12}]"]
    for a in acc:
        out.append("ldrd r10, r11, [r0], #8")
        out += tile.rescaling.add_bias(a, "r10") + tile.rescaling.constant("r10", "r11")
        out += tile.rescaling.assembly(a, "r11", "r10", "r12", "lr", base)
    out.append(f"ldr r2, {_OUT}")
    if tile.pixels > 1:
        out.append(f"ldr r3, [sp, #{_SAVED_BYTES + 8 + 8}]")
    for a in acc:
        if tile.pixels > 1:
            out.append(f"strb {a[1]}, [r2, r3]")
        if tile.pixels > 2:
            out.append(f"strb {a[2]}, [r2, r3, lsl #1]")
        out.append(f"strb {a[0]}, [r2], #1")
    out += [f"str r2, {_OUT}", f"ldr r3, {_END}", f"ldr r1, {_PIXELS}", "cmp r0, r3", "bne 1b"]
    return out + leave(5)


def _sums(tile: DotTile) -> list[Sequence[str]]:
    """Return the registers of the sums, by channel and pixel."""
    return [_FREE[c * tile.pixels : (c + 1) * tile.pixels] for c in range(tile.channels)]


def _step(tile: DotTile) -> Callable[..., list[str]]:
    return _wide_step if tile.channels == 4 else _pair_step


def step_bytes(tile: DotTile) -> int:
    """Return the bytes of code that four inputs take."""
    return 4 * len(_step(tile)(tile, _sums(tile), fresh=False))


def _pixel(tile: DotTile, even: str, odd: str) -> list[str]:
    """Return the loading of four inputs of a pixel."""
    if not tile.direct:
        return [f"ldrd {even}, {odd}, [r1], #8"]
    return [f"ldr {odd}, [r1], #4", f"sxtb16 {even}, {odd}", f"sxtb16 {odd}, {odd}, ror #8"]


def _pair_step(tile: DotTile, acc: Sequence[Sequence[str]], fresh: bool) -> list[str]:
    """Return four inputs of two channels; `fresh` begins the sums."""
    # The first pixel is loaded while the core waits for the weights.
    out = ["ldrd r10, r11, [r0], #8", *_pixel(tile, *_X)]
    for raw, wide in zip(_RAW, _WIDE, strict=True):
        out += [f"sxtb16 {wide}, {raw}", f"sxtb16 {raw}, {raw}, ror #8"]
    last = len(acc[0]) - 1
    for p in range(last + 1):
        out += _pixel(tile, *_X) if p and not tile.early else []
        for x, weights in zip(_X, (_WIDE, _RAW), strict=True):
            for a, w in zip(acc, weights, strict=True):
                out.append(_product(a[p], x, w, fresh and x == _X[0]))
            out += [f"ldr {x}, [r1], #4"] if tile.early and p < last else []
    return out


def _wide_step(tile: DotTile, acc: Sequence[Sequence[str]], fresh: bool) -> list[str]:
    """Return four inputs of four channels and one pixel; `fresh` begins the sums."""
    words = ("r10", "r11", "r12", "lr")
    out = [*_pixel(tile, "r8", "r9"), f"ldm r0!, {{{', '.join(words)}}}"]
    for a, w in zip(acc, words, strict=True):
        out += [f"sxtb16 r2, {w}", f"sxtb16 {w}, {w}, ror #8"]
        out += [_product(a[0], "r8", "r2", fresh), _product(a[0], "r9", w, False)]
    return out


def _product(acc: str, x: str, weights: str, fresh: bool) -> str:
    return f"smuad {acc}, {x}, {weights}" if fresh else f"smlad {acc}, {x}, {weights}, {acc}"


def _portable(tile: DotTile) -> str:
    c, p = tile.channels, tile.pixels
    if tile.direct:
        x = """          const uint32_t four = tvmp_load4(pixels + 4 * k);
          const uint32_t first = tvmp_sxtb16(four), second = tvmp_sxtb16_ror8(four);"""
    else:
        x = f"""          const int8_t *const x = pixels + 8 * ({p} * k + p);
          const uint32_t first = tvmp_load4(x), second = tvmp_load4(x + 4);"""
    return f"""  const int32_t quads = span / {tile.quad_bytes};
  (void)entry;
  do {{
    int32_t acc[{c}][{p}], c, p, k;
    for (c = 0; c < {c}; ++c) {{
      for (p = 0; p < {p}; ++p) {{
        acc[c][p] = 0;
      }}
    }}
    for (k = 0; k < quads; ++k) {{
      for (c = 0; c < {c}; ++c) {{
        const uint32_t even = tvmp_sxtb16((uint32_t)stream[c]), odd = tvmp_sxtb16_ror8((uint32_t)stream[c]);
        for (p = 0; p < {p}; ++p) {{
{x}
          acc[c][p] = tvmp_smlad(second, odd, tvmp_smlad(first, even, acc[c][p]));
        }}
      }}
      stream += {c};
    }}
    for (c = 0; c < {c}; ++c) {{
      for (p = 0; p < {p}; ++p) {{
        const int32_t sum = acc[c][p] + tvmp_step_bias(stream[0], {tile.rescaling.own_bits});
        out[out_step * p + c] = (int8_t){tile.rescaling.portable("sum", "stream[0]", "stream[1]", "base")};
      }}
      stream += {WORDS};
    }}
    out += {c};
  }} while (stream != end);
"""
