"""Dot products of a few pixels with all output channels: the inner loop of dense convolutions.

The pixels come widened to int16 (see :mod:`tvm_patch.kernels.c.arm.widen`), four inputs of one pixel after the same
four of the next, so that one pointer walks through them while another walks through the stream of weights.

With joined weights the odd inputs of all pixels follow the even ones; see
:mod:`tvm_patch.kernels.c.arm.dot_steps_joined`.

The stream holds, group of channels after group, what the code consumes: per four inputs one word of weights a channel,
then what the channels are rescaled with (see :mod:`tvm_patch.kernels.c.stream`).
"""

from __future__ import annotations

from tvm_patch.integer.line import SCALE_BITS
from tvm_patch.kernels.c.arm.dot_product_dual import dual_assembly
from tvm_patch.kernels.c.arm.dot_steps import sums_of
from tvm_patch.kernels.c.arm.dot_steps_joined import FOLD, behind_stop, joined_step
from tvm_patch.kernels.c.arm.dot_tile import DotLoop, DotTile
from tvm_patch.kernels.c.arm.function import ArmFunction, enter, leave
from tvm_patch.kernels.c.arm.rescaling import WORDS


def dot_product(tile: DotTile) -> ArmFunction:
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
    code = dual_assembly(tile) if tile.dual else _assembly(tile)
    return ArmFunction(f"dot_{form_of(tile)}", parameters, tuple(code), _portable(tile))


def form_of(tile: DotLoop) -> str:
    """Return what a loop is, for names."""
    form = f"{tile.channels}x{tile.pixels}{'_direct' if tile.direct else ''}"
    form += f"_of_{4 * tile.straight}" if tile.straight else ""
    return form + ("_dual" if tile.dual else "_joined" if tile.joined else "")


STOP, ENTRY, PIXELS, OUT, END = (f"[sp, #{4 * i}]" for i in range(5))
_SAVED_BYTES = 12 * 4
"""Three arguments and nine registers: above them lie the arguments that came on the stack."""


def _assembly(tile: DotTile) -> list[str]:
    """Return the code: r0 walks through the stream, r1 through the pixels; what is used rarely lies at sp."""
    return [*single_loop(tile), *_rescale(tile), *_store(tile), "cmp r0, r10", "bne 1b", *leave(5)]


def single_loop(tile: DotLoop) -> list[str]:
    """Return the head of a function and, from label 1 on, what makes the sums of a group."""
    first, step = tile.step(fresh=True), tile.step()
    out = enter("r1", "r2", "r3")
    if tile.straight:
        out += ["sub sp, #8", "1:", *first]
        out += (tile.straight - 1) * step
    else:
        out += [f"ldr r2, [sp, #{_SAVED_BYTES}]", "add r2, r1"]
        behind = behind_stop(tile.pixels) if tile.joined else 0
        out += [f"sub r2, #{behind}"] if behind else []
        # All instructions of a step have four bytes, so the loop can be entered at any of its steps.
        out += ["adr r4, 3f", f"ldr r3, [sp, #{_SAVED_BYTES + 4}]", "sub r4, r3", "orr r4, #1"]
        out += ["push {r2, r4}", "1:", *first, f"ldr pc, {ENTRY}", "2:"]
        if tile.joined:  # the last step compares in passing
            last = joined_step(tile.channels, tile.pixels, tile.direct, stop=STOP)
            out += [*((tile.unroll - 1) * step), "3:", *last, "bne 2b"]
        else:
            out += [*(tile.unroll * step), "3:", f"ldr r2, {STOP}", "cmp r1, r2", "bne 2b"]
    return out


def _rescale(tile: DotTile) -> list[str]:
    """Return what makes int8 of the sums, in their registers: two channels' numbers come at once."""
    base = [f"ldr r2, [sp, #{_SAVED_BYTES + 8 + 12}]"]
    rescaling, out = tile.rescaling, []
    if rescaling.line:
        sums = sums_of(tile.channels, tile.pixels)
        multipliers = ("r10", "r11", "r12", "lr")[: tile.channels]
        out.append(f"ldm r0!, {{{', '.join(multipliers)}}}")
        for acc, multiplier in zip(sums, multipliers, strict=True):
            out += rescaling.assembly(acc, multiplier, "", "r2", "r3")
        return out
    for c, acc in enumerate(sums_of(tile.channels, tile.pixels)):
        word, multiplier = (("r10", "r11"), ("r12", "lr"))[c % 2]
        out += [] if c % 2 else ["ldm r0!, {r10, r11, r12, lr}"]
        if tile.joined:
            out += rescaling.scaled_down(acc, word, SCALE_BITS, "r2")
        else:
            out += rescaling.add_bias(acc, word)
        out += rescaling.constant(word, multiplier)
        out += rescaling.assembly(acc, multiplier, word, "r2", "r3", base)
    return out


def _store(tile: DotTile) -> list[str]:
    """Return the storing of a group's outputs, and the loading of what comes next: r10 is the end of the stream."""
    acc, step = sums_of(tile.channels, tile.pixels), tile.channels
    # Loads in a run take a cycle each, a store behind them none.
    out = [f"ldr r2, {OUT}", f"ldr r10, {END}", f"ldr r1, {PIXELS}"]
    if tile.pixels > 1:
        out.append(f"ldr r3, [sp, #{_SAVED_BYTES + 8 + 8}]")
    out.append(f"strb {acc[0][0]}, [r2], #{step}")
    at = ("r2", "r11", "r12")
    for p in range(tile.pixels):
        if p + 1 < tile.pixels:
            out.append(f"add {at[p + 1]}, {at[p]}, r3")
        out += [f"strb {acc[c][p]}, [{at[p]}, #{c - step}]" for c in range(step) if c or p]
    return [*out, f"str r2, {OUT}"]


def portable_step(tile: DotLoop) -> tuple[str, str, str]:
    """Return C for four inputs `k`: the even weights of channel `c`, the odd ones, and the inputs of pixel `p`."""
    p = tile.pixels
    even, odd = "tvmp_sxtb16((uint32_t)stream[c])", "tvmp_sxtb16_ror8((uint32_t)stream[c])"
    if tile.joined:
        even, odd = "(uint32_t)stream[c]", even
    if tile.direct and tile.joined:
        x = f"""          const uint32_t four = tvmp_load4(pixels + 4 * k);
          const uint32_t first = tvmp_sxtb16(four), second = four ^ {FOLD:#x}u;"""
    elif tile.joined:
        x = f"""          const int8_t *const x = pixels + 4 * ({2 * p} * k + p);
          const uint32_t first = tvmp_load4(x), second = tvmp_load4(x + {4 * p});"""
    elif tile.direct:
        x = """          const uint32_t four = tvmp_load4(pixels + 4 * k);
          const uint32_t first = tvmp_sxtb16(four), second = tvmp_sxtb16_ror8(four);"""
    else:
        x = f"""          const int8_t *const x = pixels + 8 * ({p} * k + p);
          const uint32_t first = tvmp_load4(x), second = tvmp_load4(x + 4);"""
    return even, odd, x


def _portable(tile: DotTile) -> str:
    c, p = tile.channels, tile.pixels
    even, odd, x = portable_step(tile)
    if tile.rescaling.line:
        begin, past_begin, sum_, words = "stream[c]", f"    stream += {c};\n", "acc[c][p]", WORDS - 1
    else:
        begin, past_begin, words = "0", "", WORDS
        sum_ = f"(acc[c][p] >> {SCALE_BITS})" if tile.joined else "acc[c][p]"
        sum_ = f"{sum_} + tvmp_step_bias(stream[0], {tile.rescaling.own_bits})"
    multiplier = f"stream[{words - 1}]"
    value = tile.rescaling.portable("sum", "stream[0]", multiplier, "base")
    return f"""  const int32_t quads = span / {tile.quad_bytes};
  (void)entry;
  do {{
    int32_t acc[{c}][{p}], c, p, k;
    for (c = 0; c < {c}; ++c) {{
      for (p = 0; p < {p}; ++p) {{
        acc[c][p] = {begin};
      }}
    }}
{past_begin}    for (k = 0; k < quads; ++k) {{
      for (c = 0; c < {c}; ++c) {{
        const uint32_t even = {even}, odd = {odd};
        for (p = 0; p < {p}; ++p) {{
{x}
          acc[c][p] = tvmp_smlad(second, odd, tvmp_smlad(first, even, acc[c][p]));
        }}
      }}
      stream += {c};
    }}
    for (c = 0; c < {c}; ++c) {{
      for (p = 0; p < {p}; ++p) {{
        const int32_t sum = {sum_};
        out[out_step * p + c] = (int8_t){value};
      }}
      stream += {words};
    }}
    out += {c};
  }} while (stream != end);
"""
