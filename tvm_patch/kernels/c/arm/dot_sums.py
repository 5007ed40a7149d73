"""Dot products that are added to sums in memory: a row's part of a fully connected layer.

The loop is that of :mod:`tvm_patch.kernels.c.arm.dot_product` over one pixel, all of a row; behind it the group's sums
are loaded, added to, and stored again.  Sums of joined weights are shifted first, so that those in memory are all of
one kind; what joining adds is the same for every input, and is taken back by whoever finishes them.
"""

from __future__ import annotations

from tvm_patch.integer.line import SCALE_BITS
from tvm_patch.kernels.c.arm.dot_product import END, OUT, PIXELS, form_of, portable_step, single_loop
from tvm_patch.kernels.c.arm.dot_product_dual import dual_loop
from tvm_patch.kernels.c.arm.dot_steps import sums_of
from tvm_patch.kernels.c.arm.dot_steps_dual import DUAL_STEPS
from tvm_patch.kernels.c.arm.dot_tile import DotLoop
from tvm_patch.kernels.c.arm.function import ArmFunction, leave
from tvm_patch.kernels.c.arm.scheduling import for_two_issues

PADDING_WORDS = 4
"""Words behind the last group that are loaded and not used, on a core that issues two instructions a cycle."""

_BEFORE = ("r8", "r9", "r10", "r11")
"""What the sums were."""


def dot_sums(tile: DotLoop) -> ArmFunction:
    """Return the function ``(stream, pixels, sums, end, span, entry)``: the groups in [stream, end).

    The stream is weights only.  ``sums`` points at that of the first channel; ``span`` and ``entry`` come from
    :meth:`DotLoop.loop_numbers`.
    """
    if tile.pixels != 1:
        raise ValueError(f"sums of {tile.pixels} pixels are not added up")
    parameters = (
        "const int32_t *stream",
        "const int8_t *pixels",
        "int32_t *sums",
        "const int32_t *end",
        "int32_t span",
        "int32_t entry",
    )
    code = [*(dual_loop(tile) if tile.dual else single_loop(tile)), *_add(tile), *leave(5)]
    return ArmFunction(f"dot_sums_{form_of(tile)}", parameters, tuple(code), _portable(tile))


def _add(tile: DotLoop) -> list[str]:
    """Return what adds a group to its sums, and goes on with the next one."""
    made = [acc for (acc,) in sums_of(tile.channels, 1)]
    before = _BEFORE[: tile.channels]
    shift = f", asr #{SCALE_BITS}" if tile.joined else ""
    # A step for two issues has loaded the words behind its weights, which are the next group's.
    out = [f"sub r0, #{4 * len(DUAL_STEPS[tile.channels, 1, tile.direct].words)}"] if tile.dual else []
    out += [f"ldr r2, {OUT}", f"ldr r3, {END}", f"ldr r1, {PIXELS}"]
    out += [f"ldr {b}, [r2, #{4 * i}]" for i, b in enumerate(before)]
    out += [f"add {m}, {b}, {m}{shift}" for m, b in zip(made, before, strict=True)]
    out += [f"stm r2!, {{{', '.join(made)}}}", f"str r2, {OUT}", "cmp r0, r3", "bne 1b"]
    return for_two_issues(out) if tile.dual else out


def _portable(tile: DotLoop) -> str:
    c = tile.channels
    even, odd, x = portable_step(tile)
    total = f"(acc[c] >> {SCALE_BITS})" if tile.joined else "acc[c]"
    return f"""  const int32_t quads = span / {tile.quad_bytes};
  (void)entry;
  do {{
    int32_t acc[{c}], c, k;
    for (c = 0; c < {c}; ++c) {{
      acc[c] = 0;
    }}
    for (k = 0; k < quads; ++k) {{
      for (c = 0; c < {c}; ++c) {{
        const uint32_t even = {even}, odd = {odd};
{x}
        acc[c] = tvmp_smlad(second, odd, tvmp_smlad(first, even, acc[c]));
      }}
      stream += {c};
    }}
    for (c = 0; c < {c}; ++c) {{
      sums[c] = tvmp_wrapping_add(sums[c], {total});
    }}
    sums += {c};
  }} while (stream != end);
"""
