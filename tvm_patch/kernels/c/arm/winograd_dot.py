"""Outputs of Winograd tiles: four dot products over transformed inputs and weights, joined and rescaled.

Two channels of up to four tiles keep their sums in registers.  A load serves three to four products, and the weights
are int16 in flash already, so that on a core that issues one instruction a cycle 16 cycles make what takes 24
multiplications directly; one that issues two takes 8.

The four products are one loop that is called four times (:data:`tvm_patch.integer.winograd.ORDER`).  The first is put
aside; with the second it makes a difference, to which the third is added, and a sum, put aside for the fourth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tvm_patch.kernels.c.arm.function import ArmFunction, enter, leave
from tvm_patch.kernels.c.arm.rescaling import WORDS, Rescaling
from tvm_patch.kernels.c.arm.scheduling import for_two_issues
from tvm_patch.kernels.c.arm.winograd_inputs import MOST_TILES, quad_bytes

CHANNELS = 2
"""Output channels of a group."""
SCALING_WORDS = CHANNELS * WORDS
"""Words that say how a group's sums become outputs; they stand after the third product and after the fourth."""

_SUMS = ("r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11")
_FREE = ("r2", "r3", "r12", "lr")


@dataclass(frozen=True)
class WinogradTile:
    """What one function is made for.

    Attributes
    ----------
    tiles : int
        Neighbouring tiles, 1 to 4.
    unroll : int
        Fours of channels an iteration, of which there is a whole number.
    rescaling : Rescaling
        From sums to int8.
    dual : bool
        Whether the code is for a core that issues two instructions a cycle.
    """

    tiles: int
    unroll: int
    rescaling: Rescaling
    dual: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.tiles <= MOST_TILES:
            raise ValueError(f"no function for {self.tiles} tiles")

    @property
    def sums(self) -> list[tuple[str, ...]]:
        """Registers of the sums, by channel and tile."""
        return [_SUMS[c * self.tiles : (c + 1) * self.tiles] for c in range(CHANNELS)]

    @property
    def limit(self) -> str:
        """Register with the end of the inputs, or nothing where all are taken."""
        return _SUMS[-1] if self.tiles < MOST_TILES else ""

    def numbers(self, quads: int, channels: int, *, single: bool = False) -> tuple[int, ...]:
        """Return the function's last arguments.

        Parameters
        ----------
        quads : int
            Fours of channels of all kernel rows, a multiple of `unroll`.
        channels : int
            Bytes from one column of the output to the next.
        single : bool
            Whether the second column is not wanted; the first one overwrites it.
        """
        base = (self.rescaling.base,) if self.rescaling.signed else ()
        return (quads * quad_bytes(self.tiles), 0 if single else channels, 2 * channels, *base)


def winograd_dot(tile: WinogradTile) -> ArmFunction:
    """Return the function ``(stream, inputs, out, end, span, odd, step[, base])``: the groups in [stream, end).

    ``out`` points at the first channel of the first column; the others come from :meth:`WinogradTile.numbers`.
    """
    parameters: tuple[str, ...] = (
        "const int32_t *stream",
        "const int8_t *inputs",
        "int8_t *out",
        "const int32_t *end",
        "int32_t span",
        "int32_t odd",
        "int32_t step",
    )
    if tile.rescaling.signed:
        parameters += ("int32_t base",)
    stem, code = f"winograd_{tile.tiles}_by_{tile.unroll}", _assembly(tile)
    if tile.dual:
        stem, code = f"{stem}_dual", for_two_issues(code)
    return ArmFunction(stem, parameters, tuple(code), _portable(tile))


def _assembly(tile: WinogradTile) -> list[str]:
    """Return the code: r0 walks through the stream, r1 through the inputs; what is used rarely lies at sp."""
    sums = [a for channel in tile.sums for a in channel]
    frame = 4 * (3 + len(sums))
    places = dict(zip(("inputs", "out", "end"), range(frame, frame + 12, 4), strict=True))
    arguments = frame + 12 * 4
    places |= {n: arguments + 4 * i for i, n in enumerate(("span", "odd", "step", "base"))}
    places |= {"stop": 0, "back": 4, "to": 8}
    at = {n: f"[sp, #{p}]" for n, p in places.items()}
    aside = [f"[sp, #{12 + 4 * i}]" for i in range(len(sums))]
    position = quad_bytes(tile.tiles) // 4

    clear = [f"mov {a}, #0" for a in sums]
    out = [*enter("r1", "r2", "r3"), f"sub sp, #{frame}", "1:"]
    out += [f"ldr r2, {at['inputs']}", f"ldr r3, {at['span']}", "add r2, r3", f"sub r2, #{position}"]
    out += [f"str r2, {at['stop']}", *clear, "bl 8f"]
    out += [f"str {a}, {place}" for a, place in zip(sums, aside, strict=True)] + [*clear, "bl 8f"]
    out += [*_sum_and_difference(sums, aside), "bl 8f"]
    out += [f"ldr r2, {at['out']}", f"ldr r3, {at['odd']}", "add r3, r2", f"str r3, {at['to']}", "bl 9f"]
    out += [f"ldr {a}, {place}" for a, place in zip(sums, aside, strict=True)] + ["bl 8f"]
    out += [f"ldr r2, {at['out']}", f"str r2, {at['to']}", "add r2, #2", f"str r2, {at['out']}", "bl 9f"]
    out += [f"ldr r3, {at['end']}", "cmp r0, r3", "bne 1b", *leave(frame // 4 + 3)]
    return [*out, "8:", *_product(tile, at, position), "9:", *_finish(tile, at)]


def _product(tile: WinogradTile, at: dict[str, str], position: int) -> list[str]:
    """Return the loop over all inputs of one product: it adds to the sums, and goes on to the next product's inputs."""
    limit = tile.limit or "r2"
    out = [f"str lr, {at['back']}", f"ldr {limit}, {at['stop']}", f"ldr r3, {at['span']}"]
    out += [f"add {limit}, #{position}", f"str {limit}, {at['stop']}", f"sub r1, {limit}, r3", "2:"]
    for k in range(2 * tile.unroll):
        quad, half = divmod(k, 2)
        words = [f"[r0, #{4 * CHANNELS * k + 4 * c}]" for c in range(CHANNELS)]
        first = quad_bytes(tile.tiles) * quad + 4 * tile.tiles * half
        inputs = [f"[r1, #{first + 4 * t}]" for t in range(tile.tiles)]
        out += _step(tile.sums, words, inputs)
    out += [f"add r0, #{8 * CHANNELS * tile.unroll}", f"add r1, #{quad_bytes(tile.tiles) * tile.unroll}"]
    out += [] if tile.limit else [f"ldr {limit}, {at['stop']}"]
    return [*out, f"cmp r1, {limit}", "bne 2b", f"ldr pc, {at['back']}"]


def _step(sums: Sequence[Sequence[str]], words: Sequence[str], inputs: Sequence[str]) -> list[str]:
    """Return two channels' worth of inputs; two tiles at a time, since loads that follow each other are cheap."""
    out = [f"ldr {r}, {w}" for r, w in zip(_FREE, words, strict=False)]
    for first in range(0, len(inputs), 2):
        two = inputs[first : first + 2]
        out += [f"ldr {r}, {x}" for r, x in zip(_FREE[2:], two, strict=False)]
        for t, x in enumerate(_FREE[2 : 2 + len(two)], first):
            out += [f"smlad {a[t]}, {x}, {w}, {a[t]}" for a, w in zip(sums, _FREE, strict=False)]
    return out


def _sum_and_difference(sums: Sequence[str], aside: Sequence[str]) -> list[str]:
    """Return what leaves the difference of what is aside and the sums in registers, and puts their sum aside."""
    out: list[str] = []
    for i in range(0, len(sums), len(_FREE)):
        some = list(zip(_FREE, sums[i : i + len(_FREE)], aside[i : i + len(_FREE)], strict=False))
        out += [f"ldr {r}, {place}" for r, _, place in some]
        for r, a, _ in some:
            out += [f"sub {a}, {r}, {a}", f"rsb {r}, {a}, {r}, lsl #1"]
        out += [f"str {r}, {place}" for r, _, place in some]
    return out


def _finish(tile: WinogradTile, at: dict[str, str]) -> list[str]:
    """Return what makes one output of every tile of twice the sums.

    It is called twice rather than printed twice: all of the code should stay in 1 KiB of instruction cache.
    """
    out, rescaling = [f"str lr, {at['back']}"], tile.rescaling
    for c, acc in enumerate(tile.sums):
        out += [f"ldr r2, [r0, #{8 * c}]", f"ldr r3, [r0, #{8 * c + 4}]"]
        out += rescaling.scaled_down(acc, "r2", 1, "lr") + rescaling.constant("r2", "r3")
        out += rescaling.assembly(acc, "r3", "r2", "r12", "lr", [f"ldr r12, {at['base']}"])
    out += [f"add r0, #{4 * SCALING_WORDS}", f"ldr r2, {at['to']}"]
    out += [f"ldr r3, {at['step']}"] if tile.tiles > 1 else []
    for t in range(tile.tiles):
        out += ["add r2, r3"] if t else []
        out += [f"strb {acc[t]}, [r2{f', #{c}' if c else ''}]" for c, acc in enumerate(tile.sums)]
    return [*out, f"ldr pc, {at['back']}"]


def _portable(tile: WinogradTile) -> str:
    tiles, quad = tile.tiles, quad_bytes(tile.tiles)
    return f"""  const int32_t steps = span / {quad // 2};
  do {{
    int32_t m[4][{CHANNELS}][{tiles}], p, c, t, k;
    for (p = 0; p < 4; ++p) {{
      for (c = 0; c < {CHANNELS}; ++c) {{
        for (t = 0; t < {tiles}; ++t) {{
          m[p][c][t] = 0;
        }}
      }}
      for (k = 0; k < steps; ++k) {{
        const int8_t *const x = inputs + {quad} * (k / 2) + {quad // 4} * p + {quad // 8} * (k % 2);
        for (c = 0; c < {CHANNELS}; ++c) {{
          for (t = 0; t < {tiles}; ++t) {{
            m[p][c][t] = tvmp_smlad(tvmp_load4(x + 4 * t), (uint32_t)stream[c], m[p][c][t]);
          }}
        }}
        stream += {CHANNELS};
      }}
      if (p >= 2) {{
        for (c = 0; c < {CHANNELS}; ++c) {{
          for (t = 0; t < {tiles}; ++t) {{
            const int32_t twice = m[0][c][t] + (p == 2 ? -m[1][c][t] : m[1][c][t]) + m[p][c][t];
            const int32_t sum = twice / 2 + tvmp_step_bias(stream[0], {tile.rescaling.own_bits});
            out[step * t + (p == 2 ? odd : 0) + c] =
                (int8_t){tile.rescaling.portable("sum", "stream[0]", "stream[1]", "base")};
          }}
          stream += {WORDS};
        }}
      }}
    }}
    out += {CHANNELS};
  }} while (stream != end);
"""
