"""Dot products of a few pixels with all output channels: the inner loop of dense convolutions.

The pixels come widened to int16 (see :mod:`tvm_patch.kernels.arm.widen`), four inputs of one pixel after the same
four of the next, so that one pointer walks through them while another walks through the stream of weights.  For two
channels and three pixels, four inputs take one LDRD of weights, four SXTB16, three LDRD of pixels and twelve SMLAD:
20 instructions for 24 multiplications, in exactly fourteen registers.

The stream holds, group of channels after group, what the code consumes: biases, then per four inputs one word of
weights a channel, then multipliers and constants (see :mod:`tvm_patch.kernels.stream`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tvm_patch.kernels.arm.function import ArmFunction, enter, leave, move
from tvm_patch.kernels.arm.rescaling import Rescaling

_FREE = ("r4", "r5", "r6", "r7", "r8", "r9")
_RAW = ("r10", "r11")
_WIDE = ("r12", "lr")
_X = ("r2", "r3")
_MOST_OFFSET = 4095


@dataclass(frozen=True)
class DotTile:
    """Numbers of one function.

    Attributes
    ----------
    pixels : int
        1 to 3.
    channels : int
        Of a group: 2, or 4 for one pixel.
    quads : int
        Fours of inputs of an output.
    out_step : int
        Bytes from one pixel of the output to the next.
    unroll : int
        Fours of inputs an iteration.
    rescaling : Rescaling
        From sums to int8.
    direct : bool
        Whether the single pixel is read as int8 and widened on the way, by every group again: no scratch is needed.
    """

    pixels: int
    channels: int
    quads: int
    out_step: int
    unroll: int
    rescaling: Rescaling
    direct: bool = False

    def __post_init__(self) -> None:
        if (self.pixels, self.channels) not in ((1, 2), (1, 4), (2, 2), (3, 2)):
            raise ValueError(f"no tile of {self.channels} channels and {self.pixels} pixels")
        if self.direct and self.pixels != 1:
            raise ValueError("only a single pixel is read directly")
        if (self.pixels - 1) * self.out_step + 1 > _MOST_OFFSET:
            raise ValueError("the pixels of a tile lie too far apart for one STRB")

    @property
    def group_words(self) -> int:
        """Words of the stream for one group of channels."""
        return self.channels * (1 + self.quads + self.rescaling.words)


def dot_tile(tile: DotTile) -> ArmFunction:
    """Return the function ``(stream, pixels, out, end)``: all channels of the groups in [stream, end).

    ``pixels`` is word-aligned unless it is read directly; ``out`` points at the first channel of the first pixel.
    """
    parameters = ("const int32_t *stream", "const int8_t *pixels", "int8_t *out", "const int32_t *end")
    stem = f"dot_{tile.channels}x{tile.pixels}_k{4 * tile.quads}{'_direct' if tile.direct else ''}"
    return ArmFunction(stem, parameters, tuple(_assembly(tile)), _portable(tile))


def _assembly(tile: DotTile) -> list[str]:
    """Return the code: r0 walks through the stream, r1 through the pixels; what is used rarely lies at sp."""
    acc = [_FREE[c * tile.pixels : (c + 1) * tile.pixels] for c in range(tile.channels)]
    rounds = (tile.quads - 1) // tile.unroll
    before = tile.quads - rounds * tile.unroll
    spilled = 3 + bool(rounds)
    pixels, at_out, at_end = (f"[sp, #{4 * (i + bool(rounds))}]" for i in range(3))
    step = _wide_step if tile.pixels == 1 and tile.channels == 4 else _pair_step
    out = enter("r1", "r2", "r3")
    if rounds:
        span = tile.quads * (4 if tile.direct else tile.pixels * 8)
        out += [f"add r2, r1, #{span}"] if span <= _MOST_OFFSET else [*move("r2", span), "add r2, r1"]
        out.append("push {r2}")
    last = [a[-1] for a in acc]
    out.append("1:")
    out.append(f"ldm r0!, {{{', '.join(last)}}}" if len(last) > 2 else f"ldrd {last[0]}, {last[1]}, [r0], #8")
    out += step(tile, acc, fresh=True)
    for _ in range(before - 1):
        out += step(tile, acc, fresh=False)
    if rounds:
        out.append("2:")
        for _ in range(tile.unroll):
            out += step(tile, acc, fresh=False)
        out += ["ldr r2, [sp]", "cmp r1, r2", "bne 2b"]
    for a in acc:
        out.append("ldrd r10, r11, [r0], #8")
        if tile.rescaling.signed:
            out.append("ldr r12, [r0], #4")
        out += tile.rescaling.assembly(a, "r10", "r11", "r12", "lr")
    out.append(f"ldr r2, {at_out}")
    out += [f"strb {a[0]}, [r2], #1" for a in acc]
    for p in range(1, tile.pixels):
        out += [f"strb {a[p]}, [r2, #{p * tile.out_step - tile.channels + c}]" for c, a in enumerate(acc)]
    out += [f"str r2, {at_out}", f"ldr r3, {at_end}", f"ldr r1, {pixels}", "cmp r0, r3", "bne 1b"]
    return out + leave(spilled)


def _pixel(tile: DotTile, even: str, odd: str) -> list[str]:
    """Return the loading of four inputs of a pixel."""
    if not tile.direct:
        return [f"ldrd {even}, {odd}, [r1], #8"]
    return [f"ldr {odd}, [r1], #4", f"sxtb16 {even}, {odd}", f"sxtb16 {odd}, {odd}, ror #8"]


def _pair_step(tile: DotTile, acc: Sequence[Sequence[str]], fresh: bool) -> list[str]:
    """Return four inputs of two channels; `fresh` takes the sums so far from the last pixel's registers."""
    out = ["ldrd r10, r11, [r0], #8"]
    for raw, wide in zip(_RAW, _WIDE, strict=True):
        out += [f"sxtb16 {wide}, {raw}", f"sxtb16 {raw}, {raw}, ror #8"]
    for p in range(len(acc[0])):
        out += _pixel(tile, *_X)
        for x, weights in zip(_X, (_WIDE, _RAW), strict=True):
            for a, w in zip(acc, weights, strict=True):
                so_far = a[-1] if fresh and x == _X[0] else a[p]
                out.append(f"smlad {a[p]}, {x}, {w}, {so_far}")
    return out


def _wide_step(tile: DotTile, acc: Sequence[Sequence[str]], fresh: bool) -> list[str]:
    """Return four inputs of four channels and one pixel."""
    words = ("r10", "r11", "r12", "lr")
    out = [*_pixel(tile, "r8", "r9"), f"ldm r0!, {{{', '.join(words)}}}"]
    for a, w in zip(acc, words, strict=True):
        out += [f"sxtb16 r2, {w}", f"sxtb16 {w}, {w}, ror #8"]
        out += [f"smlad {a[0]}, r8, r2, {a[0]}", f"smlad {a[0]}, r9, {w}, {a[0]}"]
    return out


def _portable(tile: DotTile) -> str:
    c, p = tile.channels, tile.pixels
    parameters = tile.rescaling.words
    if tile.direct:
        x = """          const uint32_t four = tvmp_load4(pixels + 4 * k);
          const uint32_t first = tvmp_sxtb16(four), second = tvmp_sxtb16_ror8(four);"""
    else:
        x = f"""          const int8_t *const x = pixels + 8 * ({p} * k + p);
          const uint32_t first = tvmp_load4(x), second = tvmp_load4(x + 4);"""
    return f"""  do {{
    int32_t acc[{c}][{p}], c, p, k;
    for (c = 0; c < {c}; ++c) {{
      for (p = 0; p < {p}; ++p) {{
        acc[c][p] = stream[c];
      }}
    }}
    stream += {c};
    for (k = 0; k < {tile.quads}; ++k) {{
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
        out[{tile.out_step} * p + c] = (int8_t){tile.rescaling.portable("acc[c][p]", "stream")};
      }}
      stream += {parameters};
    }}
    out += {c};
  }} while (stream != end);
"""
