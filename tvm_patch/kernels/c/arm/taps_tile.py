"""Depthwise convolution over paired columns: a few neighbouring outputs of one channel at a time.

Reads what :mod:`tvm_patch.kernels.c.arm.column_pairs` made.  A word of a column meets the weights of two rows in one
SMLAD, and is used by every output of the tile whose window contains it.  Weights are int8 in flash; they are widened
once a channel: into registers where one tile covers the row, otherwise to the stack.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from tvm_patch.kernels.c.arm.column_pairs import LANES, column_bytes, interleaved, pairs_of
from tvm_patch.kernels.c.arm.function import ArmFunction, add, enter, leave
from tvm_patch.kernels.c.arm.rescaling import Rescaling
from tvm_patch.kernels.c.arm.scheduling import for_two_issues
from tvm_patch.kernels.c.arm.taps_stream import WORD, AlignedTapsStream, Load, TapsStream

_DP, _X, _X2 = "r1", "r2", "r3"
_POOL = ("r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "r0")
"""Registers for sums and weights; r0 last, which walks through the stream where one tile covers the row."""


@dataclass(frozen=True)
class TapsTile:
    """Numbers of one function.

    Attributes
    ----------
    rows, columns : int
        Size of the kernel.
    stride, dilation : int
        Along the columns.
    outputs : int
        Neighbouring outputs of a tile.
    out_step : int
        Bytes from one output to the next: the channels.
    whole : bool
        Whether one tile covers the row.
    rescaling : Rescaling
        From sums to int8.
    dual : bool
        Whether the code is for a core that issues two instructions a cycle.
    """

    rows: int
    columns: int
    stride: int
    dilation: int
    outputs: int
    out_step: int
    whole: bool
    rescaling: Rescaling
    dual: bool = False

    @property
    def interleaved(self) -> bool:
        """Whether one LDRD loads both words of a channel's column; see :func:`column_pairs.interleaved`."""
        return interleaved(self.rows, self.columns)

    @property
    def pool(self) -> tuple[str, ...]:
        """Registers for sums and weights."""
        pool = _POOL[1:] if self.interleaved else _POOL
        return pool[:-1] if self.whole else pool

    @property
    def spare(self) -> int:
        """Registers that rescaling needs beside the sums and those of the columns."""
        return max(
            2 if self.dual else 0, (4 if self.rescaling.signed else 2) - (2 if self.interleaved else 1)
        )

    @property
    def fits(self) -> bool:
        """Whether the registers and the offsets of loads and stores suffice."""
        counts = [len(w) for w in self.stream.weight_words]
        # Rescaling may use the weights' registers, except where they stay.
        weights = sum(counts) if self.interleaved else max(counts)
        last = (self.outputs - 1) * self.stride + (self.columns - 1) * self.dilation
        reach = 1020 if self.interleaved else 4095
        return (
            self.outputs + max(weights, self.spare) <= len(self.pool)
            and (self.outputs - 1) * self.out_step <= 4095
            and (last + 1) * column_bytes(self.rows) <= reach
        )

    @property
    def lane_bytes(self) -> int:
        """Bytes of the columns from one channel to the next."""
        return 4 * pairs_of(self.rows) if self.interleaved else 4

    @cached_property
    def stream(self) -> TapsStream:
        """Where a channel's numbers lie."""
        return (AlignedTapsStream if self.dual else TapsStream)(self.rows, self.columns)

    @property
    def step_bytes(self) -> int:
        """Bytes of the columns from one tile to the next."""
        return self.outputs * self.stride * column_bytes(self.rows)

    def uses(self, pair: int) -> Iterator[tuple[int, list[tuple[int, int, str, bool]]]]:
        """Yield each column that a tile reads, with (output, weight's word, instruction, whether it is the first)."""
        where = {
            k: (w, half)
            for w, halves in enumerate(self.stream.weight_words[pair])
            for half, k in enumerate(halves)
        }
        alone = 2 * pair + 1 == self.rows
        for column in range((self.outputs - 1) * self.stride + (self.columns - 1) * self.dilation + 1):
            found = []
            for p in range(self.outputs):
                k, rest = divmod(column - p * self.stride, self.dilation)
                if rest == 0 and k in where:
                    word, half = where[k]
                    name = ("smlabb", "smlabt")[half] if alone else "smlad"
                    found.append((p, word, name, pair == 0 and k == 0))
            if found:
                yield column, found


def taps_tile(tile: TapsTile) -> ArmFunction:
    """Return the function that makes four channels of a row of outputs.

    ``(stream, columns, out)`` for a tile that covers the row.  Otherwise also ``end``, where in the columns the last
    whole tile ends, ``back``, how many bytes before that another tile begins (0 for none), and ``back_out``, how many
    bytes of the output that is.
    """
    parameters = ["const int8_t *stream", "const int8_t *columns", "int8_t *out"]
    if not tile.whole:
        parameters += ["const int8_t *end", "int32_t back", "int32_t back_out"]
    stem = f"taps_{tile.rows}x{tile.columns}_{tile.outputs}"
    assembly = _whole(tile) if tile.whole else _looped(tile)
    if tile.dual:
        stem, assembly = f"{stem}_dual", for_two_issues(assembly)
    return ArmFunction(stem, tuple(parameters), tuple(assembly), _portable(tile))


def _multiply(tile: TapsTile, pair: int, acc: tuple[str, ...], weights: tuple[str, ...]) -> list[str]:
    """Return the multiplications of one pair of rows."""
    out = []
    for column, uses in tile.uses(pair):
        out.append(f"ldr {_X}, [{_DP}, #{column * column_bytes(tile.rows) + 4 * LANES * pair}]")
        out += _products(uses, _X, acc, weights)
    return out


def _multiply_both(tile: TapsTile, acc: tuple[str, ...], weights: Sequence[tuple[str, ...]]) -> list[str]:
    """Return the multiplications of a pair of rows and a third one, whose words lie side by side."""
    out = []
    third = dict(tile.uses(1))
    for column, uses in tile.uses(0):
        out.append(f"ldrd {_X}, {_X2}, [{_DP}, #{column * column_bytes(tile.rows)}]")
        out += _products(uses, _X, acc, weights[0]) + _products(third[column], _X2, acc, weights[1])
    return out


def _products(
    uses: list[tuple[int, int, str, bool]], x: str, acc: tuple[str, ...], weights: tuple[str, ...]
) -> list[str]:
    return [
        f"{name} {acc[p]}, {x}, {weights[word]}, {acc[-1] if first else acc[p]}"
        for p, word, name, first in uses
    ]


def _registers(tile: TapsTile) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the registers of the sums, and those left for weights."""
    return tile.pool[: tile.outputs], tile.pool[tile.outputs :]


def _by_pair(tile: TapsTile, left: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the registers of the weights of every pair of rows, all at once."""
    out, start = [], 0
    for words in tile.stream.weight_words:
        out.append(left[start : start + len(words)])
        start += len(words)
    return out


def _widened(loads: Sequence[Load], registers: tuple[str, ...]) -> list[str]:
    """Return the instructions that load words of weights, in a run, and widen them."""
    out, widening = [], []
    for at, low, high in loads:
        word = registers[low if high is None else high]  # type: ignore[index]
        out.append(f"ldr {word}, [r0, #{at}]")
        widening += [f"sxtb16 {registers[low]}, {word}"] if low is not None else []
        widening += [f"sxtb16 {word}, {word}, ror #8"] if high is not None else []
    return out + widening


def _last_registers(tile: TapsTile, left: tuple[str, ...]) -> list[str]:
    """Return registers for multiplier, constant and, in the signed form, two more, behind the last products.

    On a core that issues two instructions a cycle the numbers are loaded before, where weights are not needed anymore.
    """
    columns = [_X, _X2] if tile.interleaved else [_X]
    found = [*left[:2], *columns, *left[2:]] if tile.dual else [*columns, *left]
    return [*found[: 4 if tile.rescaling.signed else 2], "", ""]


def _store(tile: TapsTile, acc: tuple[str, ...], out: str) -> list[str]:
    return [f"strb {a}, [{out}, #{p * tile.out_step}]" for p, a in enumerate(acc)]


def _whole(tile: TapsTile) -> list[str]:
    """Return the code for one tile a channel: r0 walks through the stream; where the output is and ends lie at sp."""
    acc, left = _registers(tile)
    bias = tile.rescaling.bias(acc[-1], acc[-1])
    out = [f"add r3, r2, #{LANES}", *enter("r2", "r3"), "1:", f"ldr {acc[-1]}, [r0]"]
    if tile.interleaved:
        held = _by_pair(tile, left)
        out += [*_widened(tile.stream.all_loads(), left), *bias, *_multiply_both(tile, acc, held)]
    else:
        for pair in range(len(tile.stream.weight_words)):
            out += [*_widened(tile.stream.loads(pair), left), *([] if pair else bias)]
            out += _multiply(tile, pair, acc, left)
    multiplier, constant, *scratch = _last_registers(tile, left)
    out += [
        f"ldr {multiplier}, [r0, #{tile.stream.channel_bytes - WORD}]",
        f"ldr {constant}, [r0], #{tile.stream.channel_bytes}",
    ]
    out += tile.rescaling.constant(constant, multiplier)
    out += tile.rescaling.assembly(acc, multiplier, constant, *scratch[:2])
    end = multiplier if multiplier != _X else constant
    out += [f"ldr {_X}, [sp]", f"ldr {end}, [sp, #4]", *_store(tile, acc, _X)]
    out += [
        f"add {_X}, #1",
        f"str {_X}, [sp]",
        f"add {_DP}, #{tile.lane_bytes}",
        f"cmp {_X}, {end}",
        "bne 1b",
    ]
    return out + leave(2)


def _looped(tile: TapsTile) -> list[str]:
    """Return the code for several tiles a channel; widened weights and all pointers lie at sp."""
    acc, left = _registers(tile)
    total = sum(len(w) for w in tile.stream.weight_words)
    stays = tile.outputs + total + tile.spare <= len(tile.pool)
    packed = len(tile.stream.words)
    names = ["multiplier", "constant", "bias", "here", "until", "again", "stream"]
    names += ["stop", "columns", "out", "end"]
    at = {n: 8 * packed + 4 * i for i, n in enumerate(names)}
    frame = 8 * packed + 4 * len(names)
    arguments = frame + 4 * 9  # what enter() pushed

    out = [*enter(), f"sub sp, #{frame}"]
    # A word before the channel, so that the last load of it can step the pointer.
    out += [f"sub r0, #{WORD}", f"str r0, [sp, #{at['stream']}]"]
    out += [f"add r0, r1, #{LANES * tile.lane_bytes}", f"str r0, [sp, #{at['stop']}]"]
    out += [f"strd r1, r2, [sp, #{at['columns']}]", f"str r3, [sp, #{at['end']}]"]
    out.append("1:")
    # A channel's numbers: bias, weights, rescaling.
    out += [f"ldr r0, [sp, #{at['stream']}]", f"ldr r2, [r0, #{WORD}]", *tile.rescaling.bias("r3", "r2")]
    out.append(f"str r3, [sp, #{at['bias']}]")
    for i, at_byte in enumerate(tile.stream.words):
        out += [
            f"ldr r4, [r0, #{WORD + at_byte}]",
            "sxtb16 r3, r4",
            "sxtb16 r4, r4, ror #8",
            f"strd r3, r4, [sp, #{8 * i}]",
        ]
    out += [f"ldr r3, [r0, #{tile.stream.channel_bytes}]!", *tile.rescaling.constant("r2", "r3")]
    out.append(f"strd r3, r2, [sp, #{at['multiplier']}]")
    out.append(f"str r0, [sp, #{at['stream']}]")
    # Its pointers, and the next channel's.
    out += [f"ldrd r1, r2, [sp, #{at['columns']}]", f"ldr r3, [sp, #{at['end']}]"]
    out += [
        f"strd r2, r3, [sp, #{at['here']}]",
        f"ldr r4, [sp, #{arguments}]",
        f"str r4, [sp, #{at['again']}]",
    ]
    out += [f"add r4, r1, #{tile.lane_bytes}", "add r2, #1", f"add r3, #{tile.lane_bytes}"]
    out += [f"strd r4, r2, [sp, #{at['columns']}]", f"str r3, [sp, #{at['end']}]"]
    groups, loads, start = [], [], 0
    for pair, words in enumerate(tile.stream.weight_words):
        registers = left[start : start + len(words)]
        groups.append(registers)
        loads.append(_load(registers, WORD * tile.stream.place(pair)))
        start += len(words) if stays or tile.interleaved else 0
    if stays:
        out += [line for load in loads for line in load]
        loads = [[] for _ in loads]
    out += ["2:", f"ldr {acc[-1]}, [sp, #{at['bias']}]"]
    if tile.interleaved:
        out += [line for load in loads for line in load] + _multiply_both(tile, acc, groups)
    else:
        for pair, (registers, load) in enumerate(zip(groups, loads, strict=True)):
            out += load + _multiply(tile, pair, acc, registers)
    multiplier, constant, *scratch = _last_registers(tile, left[total:] if stays else left)
    out.append(f"ldrd {multiplier}, {constant}, [sp, #{at['multiplier']}]")
    out += tile.rescaling.assembly(acc, multiplier, constant, *scratch[:2])
    out += [f"ldr {_X}, [sp, #{at['here']}]", *_store(tile, acc, _X)]
    free = [constant if constant != _X else multiplier]
    out += [*add(_X, tile.outputs * tile.out_step, free[0]), f"str {_X}, [sp, #{at['here']}]"]
    out += [
        *add(_DP, tile.step_bytes, free[0]),
        f"ldr {_X}, [sp, #{at['until']}]",
        f"cmp {_DP}, {_X}",
        "bne 2b",
    ]
    # Outputs that are left make one more tile, which overlaps the one before.
    out += [f"ldr {_X}, [sp, #{at['again']}]", f"cmp {_X}, #0", "beq 3f"]
    out += [f"sub {_DP}, {_X}", *add_to(_X, _DP, tile.step_bytes), f"str {_X}, [sp, #{at['until']}]"]
    out += [f"mov {_X}, #0", f"str {_X}, [sp, #{at['again']}]"]
    out += [
        f"ldr {_X}, [sp, #{at['here']}]",
        f"ldr {free[0]}, [sp, #{arguments + 4}]",
        f"sub {_X}, {free[0]}",
    ]
    out += [f"str {_X}, [sp, #{at['here']}]", "b 2b", "3:"]
    out += [f"ldrd {_X}, {free[0]}, [sp, #{at['stop']}]", f"cmp {_X}, {free[0]}", "bne 1b"]
    return [*out, f"add sp, #{frame}", *leave(0)]


def add_to(to: str, register: str, value: int) -> list[str]:
    """Return the instructions for ``to = register + value``."""
    return (
        [f"mov {to}, {register}", *add(to, value, "r0")]
        if value >= 1 << 12
        else [f"add {to}, {register}, #{value}"]
    )


def _load(registers: tuple[str, ...], at: int) -> list[str]:
    """Return the loading of words at sp, two at a time."""
    out = []
    for i in range(0, len(registers), 2):
        two = registers[i : i + 2]
        out.append(f"{'ldrd' if len(two) == 2 else 'ldr'} {', '.join(two)}, [sp, #{at + 4 * i}]")
    return out


def _portable(tile: TapsTile) -> str:
    pairs, kernel = tile.rows // 2, tile.columns
    taps = []
    step = column_bytes(tile.rows)
    for pair in range(pairs_of(tile.rows)):
        word = 4 * pair if tile.interleaved else 4 * LANES * pair
        x = f"tvmp_load4(column + {tile.dilation * step} * k + {word})"
        offset = tile.stream.portable(pair)
        if pair < pairs:
            taps.append(f"          weights = stream + {offset};")
            weight = "tvmp_pair(weights[0], weights[2])"
            taps.append(f"          acc = tvmp_smlad({x}, {weight}, acc);")
        else:
            taps.append(f"          acc = tvmp_smlabb({x}, (uint32_t)(int32_t)stream[{offset}], acc);")
    at, to = ("columns", "out") if tile.whole else ("at", "to")
    one = f"""      for (p = 0; p < {tile.outputs}; ++p) {{
        const int8_t *const column = {at} + {tile.stride * step} * p;
        const int32_t word = (int32_t)tvmp_load4(stream);
        const int32_t multiplier = (int32_t)tvmp_load4(stream + {tile.stream.channel_bytes - WORD});
        {"const int8_t *weights;" if pairs else ""}
        int32_t acc = tvmp_step_bias(word, {tile.rescaling.own_bits});
        for (k = 0; k < {kernel}; ++k) {{
{chr(10).join(taps)}
        }}
        {to}[{tile.out_step} * p] = (int8_t){tile.rescaling.portable("acc", "word", "multiplier")};
      }}"""
    loop = f"""    const int8_t *at = columns, *until = end;
    int8_t *to = out;
    int32_t again = back;
    for (;;) {{
{one}
      at += {tile.step_bytes};
      to += {tile.outputs * tile.out_step};
      if (at == until) {{
        if (again == 0) {{
          break;
        }}
        at -= again;
        to -= back_out;
        until = at + {tile.step_bytes};
        again = 0;
      }}
    }}
    end += {tile.lane_bytes};"""
    return f"""  int32_t lane, p, k;
  for (lane = 0; lane < {LANES}; ++lane) {{
{one if tile.whole else loop}
    stream += {tile.stream.channel_bytes};
    columns += {tile.lane_bytes};
    out += 1;
  }}
"""
