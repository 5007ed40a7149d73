"""Depthwise convolution straight from the rows: four channels of one or two neighbouring outputs at a time.

A word of a row is four channels of a pixel.  Two SXTB16 make two pairs of channels of it, and SMLABB and SMLATT
multiply them with the pairs of weights of a tap: one multiplication an instruction, but nothing has to be rearranged
first, as it has for two (:mod:`tvm_patch.kernels.c.arm.column_pairs`).  Up to three columns wide that is faster, and it
needs no scratch.

The stream holds, per four channels, a word of weights a tap and the two words that rescale each channel.  The code
walks through groups of four channels; in each through tiles of outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from tvm_patch.kernels.c.arm.function import ArmFunction, add, enter, leave
from tvm_patch.kernels.c.arm.rescaling import WORDS, Rescaling
from tvm_patch.kernels.c.arm.scheduling import for_two_issues
from tvm_patch.targets.pipeline import block_cost

LANES = 4
"""Channels of a word."""
_WORD = 4
_SAVED_BYTES = 9 * _WORD
"""What :func:`enter` pushes."""
_FREE = ("r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr")
_MOST_OFFSET = 4095

Pair = tuple[str, str]
"""Registers of channels 0 and 2, and of channels 1 and 3, of a group."""


@dataclass(frozen=True)
class DirectTaps:
    """Numbers of one function.

    Attributes
    ----------
    rows, columns : int
        Size of the kernel.
    stride, dilation : int
        Along the columns.
    channels : int
        Bytes from one pixel to the next, of input and output.
    outputs : int
        Neighbouring outputs of a tile, 1 or 2.
    odd : bool
        Whether one output may be left over by tiles of two, or be all there is.
    held : bool
        Whether weights and constants of a group are widened once and lie on the stack while its tiles are made.
    rescaling : Rescaling
        From sums to int8.
    dual : bool
        Whether the code is for a core that issues two instructions a cycle.
    """

    rows: int
    columns: int
    stride: int
    dilation: int
    channels: int
    outputs: int
    odd: bool
    held: bool
    rescaling: Rescaling
    dual: bool = False

    @property
    def fits(self) -> bool:
        """Whether the offsets of loads and stores suffice."""
        last = (self.outputs - 1) * self.stride + (self.columns - 1) * self.dilation
        return max(last, self.outputs) * self.channels + LANES <= _MOST_OFFSET

    @property
    def taps(self) -> int:
        """Weights of a channel."""
        return self.rows * self.columns

    @property
    def group_words(self) -> int:
        """Words of the stream for four channels."""
        return self.taps + WORDS * LANES

    @property
    def step(self) -> int:
        """Bytes of a row from one output to the next."""
        return self.stride * self.channels


@dataclass
class _Registers:
    """Who is in which register while a tile is made."""

    acc: list[tuple[str, ...]]
    """By output and lane."""
    inputs: list[Pair]
    weights: list[Pair]
    spare: str | None
    turn: dict[str, int] = field(default_factory=dict)

    def next_of(self, name: str) -> Pair:
        """Return one pair after the other of ``inputs`` or ``weights``."""
        pairs: list[Pair] = getattr(self, name)
        at = self.turn.get(name, -1) + 1
        self.turn[name] = at
        return pairs[at % len(pairs)]


def direct_taps(taps: DirectTaps) -> ArmFunction:
    """Return the function ``(stream, out, groups, outputs, row0, row1, ...)``.

    ``outputs`` are made of each of ``groups`` times four channels, at least one of both; rows and ``out`` point at the
    first channel.
    """
    rows = (f"const int8_t *row{r}" for r in range(taps.rows))
    parameters = ("const int32_t *stream", "int8_t *out", "int32_t groups", "int32_t outputs", *rows)
    stem = f"direct_{taps.rows}x{taps.columns}_{taps.outputs}"
    stem += "_and_1" if taps.odd else ""
    code = _Code(taps).assembly()
    if taps.dual:
        stem, code = f"{stem}_dual", for_two_issues(code)
    return ArmFunction(stem, parameters, tuple(code), _portable(taps))


_CHANNELS_LIKE = 64
"""Channels that code is priced with, so that layers share prices; only whether words are odd ones matters to a core."""


@lru_cache(maxsize=1024)
def cycles(taps: DirectTaps) -> tuple[float, float]:
    """Return what a group of four channels takes beside its tiles, and what a tile takes, by the core's model."""
    code, cpu = _Code(taps), "cortex-m7" if taps.dual else "cortex-m4"
    parts = (code.group(), [*code.tile(taps.outputs), *code.next_tile()])
    group, tile = (block_cost(tuple(for_two_issues(p) if taps.dual else p), cpu).cycles for p in parts)
    return group, tile


def row_cycles(taps: DirectTaps, outputs: int) -> float:
    """Return what so many outputs of four channels take."""
    taps = replace(taps, channels=_CHANNELS_LIKE + taps.channels % 8)
    group, tile = cycles(taps)
    tiles, rest = divmod(outputs, taps.outputs)
    return group + tiles * tile + (cycles(replace(taps, outputs=1, odd=False))[1] if rest else 0)


class _Code:
    """The code of one function: r0 walks through the stream, r1 through a row; everything else lies at sp."""

    def __init__(self, taps: DirectTaps) -> None:
        self.taps = taps
        held = (2 * taps.taps + (WORDS + 1) * LANES) if taps.held else 0
        names = ["stream", "out", "groups", "to", "left", "outputs", *(f"row{r}" for r in range(taps.rows))]
        self.frame = _WORD * (held + len(names))
        self.at = {name: _WORD * (held + i) for i, name in enumerate(names)}

    def lies(self, name: str) -> str:
        """Return where a pointer or count lies."""
        return f"[sp, #{self.at[name]}]"

    def start_of(self, row: int) -> int:
        """Return where the pointer to a row's first pixel lies: an argument."""
        return self.frame + _SAVED_BYTES + _WORD * row

    def assembly(self) -> list[str]:
        """Return all of it."""
        taps, out = self.taps, [*enter(), f"sub sp, #{self.frame}", f"str r0, {self.lies('stream')}"]
        out.append(f"str r1, {self.lies('out')}")
        out += [f"str r2, {self.lies('groups')}", f"str r3, {self.lies('outputs')}"]
        out += ["1:", *self.group(), *(["cmp r3, #1", "beq 3f"] if taps.odd else [])]
        out += ["2:", *self.tile(taps.outputs), *self.next_tile()]
        if taps.odd:
            out += ["bne 4f", "3:", *self.tile(1), "4:"]
        return [*out, *self.next_group(), "bne 1b", f"add sp, #{self.frame}", *leave(0)]

    def group(self) -> list[str]:
        """Return what happens once for four channels."""
        taps = self.taps
        out = [f"ldr r0, {self.lies('stream')}"]
        if taps.held:
            # Every value has registers of its own in turn, so that they can be in flight together.
            for tap in range(taps.taps):
                even, odd = _FREE[2 * (tap % 6)], _FREE[2 * (tap % 6) + 1]
                out += [f"ldr {odd}, [r0, #{_WORD * tap}]", *_widen(even, odd, odd)]
                out.append(f"strd {even}, {odd}, [sp, #{2 * _WORD * tap}]")
            for lane in range(LANES):
                word, multiplier, bias = _FREE[3 * lane : 3 * lane + 3]
                at = _WORD * (taps.taps + WORDS * lane)
                out += [f"ldr {word}, [r0, #{at}]", f"ldr {multiplier}, [r0, #{at + _WORD}]"]
                out += [*taps.rescaling.bias(bias, word), f"str {bias}, {self.bias_of(lane)}"]
                out += taps.rescaling.constant(word, multiplier)
                out.append(f"strd {multiplier}, {word}, [sp, #{self.constants_of(lane)}]")
            out += [f"add r0, #{_WORD * taps.group_words}", f"str r0, {self.lies('stream')}"]
        for row in range(taps.rows):
            start, here = f"[sp, #{self.start_of(row)}]", self.lies(f"row{row}")
            out += [f"ldr r2, {start}", f"str r2, {here}", f"add r2, #{LANES}", f"str r2, {start}"]
        out += [f"ldr r2, {self.lies('out')}", f"str r2, {self.lies('to')}"]
        out += [f"add r2, #{LANES}", f"str r2, {self.lies('out')}"]
        return [*out, f"ldr r3, {self.lies('outputs')}", f"str r3, {self.lies('left')}"]

    def bias_of(self, lane: int) -> str:
        """Return where a channel's bias is held."""
        return f"[sp, #{2 * _WORD * self.taps.taps + _WORD * lane}]"

    def constants_of(self, lane: int) -> int:
        """Return where a channel's multiplier and constant are held."""
        return 2 * _WORD * self.taps.taps + _WORD * (LANES + WORDS * lane)

    def registers(self, outputs: int) -> _Registers:
        """Return who is where: what the sums leave goes to inputs and weights, half each.

        Those get the low registers, which make loads shorter.
        """
        free = [*_FREE[::-1], *(["r0"] if self.taps.held else [])]
        sums, rest = free[: LANES * outputs], free[LANES * outputs :]
        pairs = [(rest[i], rest[i + 1]) for i in range(0, len(rest) - 1, 2)]
        half = len(pairs) // 2
        acc = [tuple(sums[LANES * p : LANES * (p + 1)]) for p in range(outputs)]
        return _Registers(acc, pairs[:half], pairs[half:], rest[-1] if len(rest) % 2 else None)

    def tile(self, outputs: int) -> list[str]:
        """Return the code that makes a tile of so many outputs."""
        registers = self.registers(outputs)
        out = self.biases(registers)
        for row in range(self.taps.rows):
            out += self.row(row, registers)
        return [*out, *self.rescale(registers), *self.store(registers)]

    def biases(self, registers: _Registers) -> list[str]:
        """Return the start of the first output's sums; the second's begin with the first product of both."""
        out, first = [], registers.acc[0]
        for lane, a in enumerate(first):
            if self.taps.held:
                out.append(f"ldr {a}, {self.bias_of(lane)}")
            else:
                out.append(f"ldr {a}, [r0, #{_WORD * (self.taps.taps + WORDS * lane)}]")
        if not self.taps.held:
            out += [line for a in first for line in self.taps.rescaling.bias(a, a)]
        return out

    def row(self, row: int, registers: _Registers) -> list[str]:
        """Return the multiplications of one row of the kernel."""
        taps, out, lying = self.taps, [f"ldr r1, {self.lies(f'row{row}')}"], -1
        x: Pair = ("", "")
        # From the last column and output to the first: the first output's sums, which hold the biases, change last.
        for k in reversed(range(taps.columns)):
            w = registers.next_of("weights")
            out += self.weights(row * taps.columns + k, w)
            columns = self.columns_under(k, len(registers.acc))[::-1]
            # Beside the weights: loads that follow each other take a cycle each on a Cortex-M4.
            ahead = next((c for c in columns if c != lying), None) if registers.spare else None
            if ahead is not None:
                out.append(self.load(str(registers.spare), ahead))
            for sums, column in zip(registers.acc[::-1], columns, strict=True):
                if column != lying:
                    x, lying = registers.next_of("inputs"), column
                    word = registers.spare or x[1]
                    out += [] if column == ahead else [self.load(word, column)]
                    out += _widen(x[0], x[1], word)
                fresh = row == 0 and k == taps.columns - 1
                out += _products(sums, x, w, registers.acc[0] if fresh else sums)
        if len(registers.acc) < taps.outputs:  # the last one of the row
            return out
        return [*out, *add("r1", taps.outputs * taps.step, x[0]), f"str r1, {self.lies(f'row{row}')}"]

    def load(self, to: str, column: int) -> str:
        """Return the loading of a pixel's four channels."""
        return f"ldr {to}, [r1, #{column * self.taps.channels}]"

    def columns_under(self, k: int, outputs: int) -> list[int]:
        """Return the column that tap `k` reads for each output of a tile."""
        return [p * self.taps.stride + k * self.taps.dilation for p in range(outputs)]

    def weights(self, tap: int, to: Pair) -> list[str]:
        """Return the loading of a tap's weights."""
        if self.taps.held:
            return [f"ldr {r}, [sp, #{2 * _WORD * tap + _WORD * i}]" for i, r in enumerate(to)]
        return [f"ldr {to[1]}, [r0, #{_WORD * tap}]", *_widen(to[0], to[1], to[1])]

    def rescale(self, registers: _Registers) -> list[str]:
        """Return what makes int8 of the sums."""
        taps, out = self.taps, []
        free = [r for pair in (*registers.inputs, *registers.weights) for r in pair]
        for lane in range(LANES):
            # Two registers serve while the other two are loaded, unless the signed form wants all four.
            turned = free if taps.rescaling.signed or lane % 2 == 0 else free[::-1]
            multiplier, constant, *scratch = turned
            if taps.held:
                out.append(f"ldrd {multiplier}, {constant}, [sp, #{self.constants_of(lane)}]")
            else:
                at = _WORD * (taps.taps + WORDS * lane)
                out += [f"ldr {constant}, [r0, #{at}]", f"ldr {multiplier}, [r0, #{at + _WORD}]"]
                out += taps.rescaling.constant(constant, multiplier)
            sums = [a[lane] for a in registers.acc]
            out += taps.rescaling.assembly(sums, multiplier, constant, *scratch[:2])
        return out

    def store(self, registers: _Registers) -> list[str]:
        """Return the stores, and the step to the next tile's."""
        taps = self.taps
        out = [f"ldr r1, {self.lies('to')}"]
        for p, lanes in enumerate(registers.acc):
            out += [f"strb {a}, [r1, #{p * taps.channels + lane}]" for lane, a in enumerate(lanes)]
        if len(registers.acc) < taps.outputs:
            return out
        return [
            *out,
            *add("r1", taps.outputs * taps.channels, registers.acc[0][0]),
            f"str r1, {self.lies('to')}",
        ]

    def next_tile(self) -> list[str]:
        """Return what goes on to the next whole tile."""
        taps = self.taps
        out = [f"ldr r2, {self.lies('left')}", f"subs r2, #{taps.outputs}", f"str r2, {self.lies('left')}"]
        return [*out, *(["cmp r2, #1", "bhi 2b"] if taps.odd else ["bne 2b"])]

    def next_group(self) -> list[str]:
        """Return the count of groups; the step to the next one's stream, where the group did not begin with it."""
        out = [f"ldr r2, {self.lies('groups')}", "subs r2, #1", f"str r2, {self.lies('groups')}"]
        if self.taps.held:
            return out
        return [f"add r0, #{_WORD * self.taps.group_words}", f"str r0, {self.lies('stream')}", *out]


def _widen(even: str, odd: str, word: str) -> list[str]:
    """Return the instructions that make two pairs of a word, which may be in `odd`."""
    return [f"sxtb16 {even}, {word}", f"sxtb16 {odd}, {word}, ror #8"]


def _products(acc: Sequence[str], x: Pair, w: Pair, before: Sequence[str]) -> list[str]:
    """Return the multiplications of a tap, added to what was before.

    Those of the even pair come first: it is loaded again first.
    """
    return [
        f"{name} {acc[lane]}, {x[lane % 2]}, {w[lane % 2]}, {before[lane]}"
        for lane, name in ((0, "smlabb"), (2, "smlatt"), (1, "smlabb"), (3, "smlatt"))
    ]


def _portable(taps: DirectTaps) -> str:
    """Return the portable body.

    Taps are outermost.  With channels outermost gcc 12.2 at -O3, where it knows the stream, reaches the weights and
    the words after them by one index from address zero and then drops the function's call as one without effect.
    """
    rows = ", ".join(f"row{r}" for r in range(taps.rows))
    word = f"stream[{taps.taps} + {WORDS} * c]"
    rescaled = taps.rescaling.portable("acc[c]", word, f"stream[{taps.taps + 1} + {WORDS} * c]")
    return f"""  const int8_t *const rows[{taps.rows}] = {{{rows}}};
  int32_t g, x, c, r, k;
  for (g = 0; g < groups; ++g) {{
    const int8_t *const weights = (const int8_t *)stream;
    for (x = 0; x < outputs; ++x) {{
      int32_t acc[{LANES}];
      for (c = 0; c < {LANES}; ++c) {{
        acc[c] = tvmp_step_bias({word}, {taps.rescaling.own_bits});
      }}
      for (r = 0; r < {taps.rows}; ++r) {{
        for (k = 0; k < {taps.columns}; ++k) {{
          const int8_t *const from = rows[r] + {taps.step} * x + {taps.dilation * taps.channels} * k + {LANES} * g;
          for (c = 0; c < {LANES}; ++c) {{
            acc[c] += weights[{LANES} * ({taps.columns} * r + k) + c] * from[c];
          }}
        }}
      }}
      for (c = 0; c < {LANES}; ++c) {{
        out[{taps.channels} * x + {LANES} * g + c] = (int8_t){rescaled};
      }}
    }}
    stream += {taps.group_words};
  }}
"""
