"""Depthwise convolution of one column, where a row has one output: four channels at a time, two rows in a product.

A word of a row is four channels of its pixel.  PKHBT and PKHTB put the halves of two rows' words beside each other, two
SXTB16 of each make four pairs, one a channel, and SMLAD multiplies them with the pairs of weights.  The weights of two
rows lie in the stream as PKHBT and PKHTB would have left them.  Of an odd number of rows the last stands alone: SMLABB
and SMLATT multiply its pairs of channels one by one.

The stream holds, per four channels, two words of weights every two rows, a word for the odd one, and the two words that
rescale each channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tvm_patch.kernels.c.arm.direct_taps import LANES
from tvm_patch.kernels.c.arm.function import ArmFunction, enter, leave, move
from tvm_patch.kernels.c.arm.rescaling import WORDS, Rescaling
from tvm_patch.kernels.c.arm.scheduling import for_two_issues

_WORD = 4
_SAVED_BYTES = 9 * _WORD
"""What :func:`enter` pushes."""
_FROM, _BASE = "r2", "r3"
"""Where in all rows the group's channels are, up to 0; the base of all rescalings, in the signed form."""
_SUMS = ("lr", "r12", "r11", "r10")
_FREE = ("r4", "r5", "r6", "r7", "r8", "r9")
_TURN = (5, 0, 1, 3, 2, 4)
"""Who gets whose register from one step to the next: of all 720 turns one of those that wait least on a Cortex-M7."""


@dataclass(frozen=True)
class ColumnTaps:
    """Numbers of one function.

    Attributes
    ----------
    rows : int
        Height of the kernel, at least 1.
    rescaling : Rescaling
        From sums to int8.
    dual : bool
        Whether the code is for a core that issues two instructions a cycle.
    """

    rows: int
    rescaling: Rescaling
    dual: bool = False

    @property
    def group_words(self) -> int:
        """Words of the stream for four channels."""
        return self.rows + WORDS * LANES


@dataclass(frozen=True)
class _Step:
    """One or two rows: what is loaded, and what becomes of it."""

    loads: list[str]
    products: list[str]


def column_words(weight: np.ndarray) -> np.ndarray:
    """Return the weights of four channels as the stream holds them.

    Parameters
    ----------
    weight : ndarray of int8, shape (rows, 4)

    Returns
    -------
    ndarray of int32, shape (rows,)
    """
    paired = len(weight) // 2 * 2
    # Of rows a and b: a0 a1 b0 b1, then a2 a3 b2 b3.
    turned = weight[:paired].reshape(-1, 2, 2, 2).swapaxes(1, 2)
    words = np.concatenate([turned.ravel(), weight[paired:].ravel()])
    return words.astype(np.int8).view("<i4").astype(np.int32)


def column_taps(taps: ColumnTaps) -> ArmFunction:
    """Return the function ``(stream, out, from, row0, row1, ...)``.

    ``from`` is minus the number of channels, a multiple of four below 0; rows point behind the last of them, ``out`` at
    the first.
    """
    rows = (f"const int8_t *row{r}" for r in range(taps.rows))
    parameters = ("const int32_t *stream", "int8_t *out", "int32_t from", *rows)
    stem, code = f"column_{taps.rows}", [*_enter(taps), "1:", *group_code(taps), *_leave()]
    if taps.dual:
        stem, code = f"{stem}_dual", for_two_issues(code)
    return ArmFunction(stem, parameters, tuple(code), _portable(taps))


def group_code(taps: ColumnTaps) -> list[str]:
    """Return the loop over groups of four channels, without its label.

    r0 walks through the stream, r1 through ``out``.
    """
    first, *others = _steps(taps.rows)
    out = [f"ldr {a}, [r0, #{_constants_at(taps, lane)}]" for lane, a in enumerate(_SUMS)]
    # Loads that follow each other take a cycle each on a Cortex-M4, the first one two.
    out += first.loads
    for a in _SUMS:
        out += taps.rescaling.bias(a, a)
    out += first.products
    for step in others:
        out += [*step.loads, *step.products]
    out += [*_rescale(taps, 0, _FREE), *_rescale(taps, 2, (*_FREE[4:], *_FREE[:4])), *_store()]
    return [*out, f"add r0, #{_WORD * taps.group_words}", f"adds {_FROM}, #{LANES}", "bne 1b"]


def _enter(taps: ColumnTaps) -> list[str]:
    """Return the start: pointers to all rows lie behind each other, above what is saved."""
    signed = taps.rescaling.signed
    return ["push {r3}", *enter(), *(move(_BASE, taps.rescaling.base & 0xFFFFFFFF) if signed else [])]


def _leave() -> list[str]:
    """Return the end: what :func:`_enter` pushed first is dropped last."""
    *_, pop = leave(0)
    return [pop.replace("pc", "lr"), f"add sp, #{_WORD}", "bx lr"]


def _row_at(row: int) -> str:
    """Return where the pointer to a row is."""
    return f"[sp, #{_SAVED_BYTES + _WORD * row}]"


def _constants_at(taps: ColumnTaps, lane: int) -> int:
    """Return where in the group a channel's word and multiplier are."""
    return _WORD * (taps.rows + WORDS * lane)


def _steps(rows: int) -> list[_Step]:
    """Return the multiplications of all rows."""
    out: list[_Step] = []
    free: Sequence[str] = _FREE
    for row in range(0, rows, 2):
        out.append(_two_rows(row, free) if row + 1 < rows else _one_row(row, free))
        free = [free[i] for i in _TURN]
    return out


def _two_rows(row: int, free: Sequence[str]) -> _Step:
    """Return the multiplications of a row and the next."""
    low, other, high, weights, more, w = free
    loads = [f"ldr {low}, {_row_at(row)}", f"ldr {other}, {_row_at(row + 1)}"]
    loads += [f"ldr {low}, [{low}, {_FROM}]", f"ldr {other}, [{other}, {_FROM}]"]
    loads += [f"ldr {weights}, [r0, #{_WORD * row}]", f"ldr {more}, [r0, #{_WORD * (row + 1)}]"]
    out = [f"pkhtb {high}, {other}, {low}, asr #16", f"pkhbt {low}, {low}, {other}, lsl #16"]
    for lane, words, both in ((0, low, weights), (2, high, more)):
        out += [f"sxtb16 {other}, {words}", f"sxtb16 {w}, {both}"]
        out.append(f"smlad {_SUMS[lane]}, {other}, {w}, {_SUMS[lane]}")
        out += [f"sxtb16 {words}, {words}, ror #8", f"sxtb16 {both}, {both}, ror #8"]
        out.append(f"smlad {_SUMS[lane + 1]}, {words}, {both}, {_SUMS[lane + 1]}")
    return _Step(loads, out)


def _one_row(row: int, free: Sequence[str]) -> _Step:
    """Return the multiplications of a row that stands alone."""
    odd, _, even, odd_weights, _, even_weights = free
    loads = [f"ldr {odd}, {_row_at(row)}", f"ldr {odd_weights}, [r0, #{_WORD * row}]"]
    loads.append(f"ldr {odd}, [{odd}, {_FROM}]")
    out = [f"sxtb16 {even_weights}, {odd_weights}", f"sxtb16 {odd_weights}, {odd_weights}, ror #8"]
    out += [f"sxtb16 {even}, {odd}", f"sxtb16 {odd}, {odd}, ror #8"]
    pairs = ((even, even_weights), (odd, odd_weights))
    for lane, name in ((0, "smlabb"), (2, "smlatt"), (1, "smlabb"), (3, "smlatt")):
        x, w = pairs[lane % 2]
        out.append(f"{name} {_SUMS[lane]}, {x}, {w}, {_SUMS[lane]}")
    return _Step(loads, out)


def _rescale(taps: ColumnTaps, lane: int, free: Sequence[str]) -> list[str]:
    """Return what makes int8 of the sums of a channel and the next."""
    *numbers, first, second = free
    out = []
    for i, register in enumerate(numbers):
        out.append(f"ldr {register}, [r0, #{_constants_at(taps, lane) + _WORD * i}]")
    for i, a in enumerate(_SUMS[lane : lane + 2]):
        constant, multiplier = numbers[WORDS * i : WORDS * (i + 1)]
        out += taps.rescaling.constant(constant, multiplier)
        out += taps.rescaling.assembly([a], multiplier, constant, first, second, base_in=_BASE)
    return out


def _store() -> list[str]:
    """Return the stores; the first one steps, so that the others need not wait for each other."""
    first, *others = _SUMS
    return [
        f"strb {first}, [r1], #{LANES}",
        *(f"strb {a}, [r1, #{i - LANES}]" for i, a in enumerate(others, 1)),
    ]


def _portable(taps: ColumnTaps) -> str:
    """Return the portable body; rows outermost, for gcc's sake as in :mod:`tvm_patch.kernels.c.arm.direct_taps`."""
    rows, paired = ", ".join(f"row{r}" for r in range(taps.rows)), taps.rows // 2 * 2
    word = f"stream[{taps.rows} + {WORDS} * c]"
    rescaled = taps.rescaling.portable("acc[c]", word, f"stream[{taps.rows + 1} + {WORDS} * c]")
    pairs = f"""    for (r = 0; r < {paired}; ++r) {{
      const int8_t *const x = rows[r] + from;
      const int8_t *const w = weights + 8 * (r / 2) + 2 * (r % 2);
      for (c = 0; c < {LANES}; ++c) {{
        acc[c] += w[4 * (c / 2) + c % 2] * x[c];
      }}
    }}
"""
    odd = f"""    for (c = 0; c < {LANES}; ++c) {{
      acc[c] += weights[{LANES * paired} + c] * rows[{paired}][from + c];
    }}
"""
    return f"""  const int8_t *const rows[{taps.rows}] = {{{rows}}};
  int32_t {"r, " if paired else ""}c;
  for (; from < 0; from += {LANES}) {{
    const int8_t *const weights = (const int8_t *)stream;
    int32_t acc[{LANES}];
    for (c = 0; c < {LANES}; ++c) {{
      acc[c] = tvmp_step_bias({word}, {taps.rescaling.own_bits});
    }}
{pairs if paired else ""}{odd if taps.rows % 2 else ""}    for (c = 0; c < {LANES}; ++c) {{
      out[c] = (int8_t){rescaled};
    }}
    out += {LANES};
    stream += {taps.group_words};
  }}
"""
