"""Columns of a depthwise convolution's window, four channels at a time, two rows of a channel in one word.

SMLAD multiplies pairs, but neighbours in memory are different channels.  So the rows under the window are rearranged
once a row of outputs: a word holds the same channel of two rows, for every column, and all outputs whose windows
overlap share it.  Of an odd number of rows the last stands alone in the lower half.

Layout: column after column; in it pair after pair of rows; in that, four words for four channels.  For 3×3 kernels the
two words of a channel are neighbours instead.
"""

from __future__ import annotations

from tvm_patch.kernels.c.arm.function import ArmFunction, is_immediate
from tvm_patch.kernels.c.arm.scheduling import for_two_issues

LANES = 4
"""Channels at a time: those of one word of the input."""
MOST_ROWS = 7
"""Rows of a window that fit the registers."""

_ROWS = ("r2", "r3", "r4", "r5", "r6", "r7", "r1")
_SAVED_WORDS = 9


def pairs_of(rows: int) -> int:
    """Return how many words a channel's column takes."""
    return -(-rows // 2)


def column_bytes(rows: int) -> int:
    """Return the bytes of one column."""
    return 4 * LANES * pairs_of(rows)


def interleaved(rows: int, columns: int) -> bool:
    """Tell whether the words of a channel's column lie side by side, so that one LDRD loads them.

    Only for 3×3 are there registers enough for the weights of all rows; elsewhere pairs of rows come one after the
    other.
    """
    return rows == columns == 3


def column_pairs(rows: int, channels: int, *, side_by_side: bool, dual: bool = False) -> ArmFunction:
    """Return the function ``(to, last, row0, row1, ...)``.

    ``to`` is the end of the columns, ``last`` the offset in the rows of the last column; the rows point at the first
    column's four channels.  Columns are made from the last to the first.

    Parameters
    ----------
    rows : int
        Rows of the window, at most `MOST_ROWS`.
    channels : int
        Bytes from one column of the input to the next.
    side_by_side : bool
        Whether a channel's words are neighbours; see :func:`interleaved`.
    dual : bool
        Whether the code is for a core that issues two instructions a cycle.
    """
    parameters = ("int8_t *to", "int32_t last", *(f"const int8_t *row{i}" for i in range(rows)))
    assembly = _three_rows(channels) if side_by_side else _assembly(rows, channels)
    stem = f"pairs_{rows}{'_by_channel' if side_by_side else ''}"
    if dual:
        stem, assembly = f"{stem}_dual", for_two_issues(assembly)
    return ArmFunction(stem, parameters, tuple(assembly), _portable(rows, channels, side_by_side))


def _three_rows(channels: int) -> list[str]:
    """Return the code for three rows: a column's eight words in the order of the channels."""
    out = [
        "push {r4, r5, r6, r7, r8, r9, r10, r11, lr}",
        "mov lr, r1",
        f"ldr r1, [sp, #{4 * _SAVED_WORDS}]",
        "1:",
    ]
    out += ["ldr r5, [r1, lr]", "ldr r6, [r2, lr]", "ldr r8, [r3, lr]"]
    out += [*_paired("r4", "r6", "r8", "r10"), *_alone("r5", "r7", "r9", "r11")]
    out.append("stmdb r0!, {r4, r5, r6, r7, r8, r9, r10, r11}")
    return [*out, *_next_column(channels), "pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}"]


def _paired(first: str, second: str, third: str, fourth: str) -> list[str]:
    """Return what makes the words of four channels of two rows, which are in the second and the third register."""
    return [
        f"pkhtb {fourth}, {third}, {second}, asr #16",
        f"pkhbt {second}, {second}, {third}, lsl #16",
        f"sxtb16 {first}, {second}",
        f"sxtb16 {second}, {second}, ror #8",
        f"sxtb16 {third}, {fourth}",
        f"sxtb16 {fourth}, {fourth}, ror #8",
    ]


def _alone(first: str, second: str, third: str, fourth: str) -> list[str]:
    """Return what makes the words of four channels of one row, which is in the first register."""
    return [
        f"sxtb16 {second}, {first}, ror #8",
        f"sxtb16 {first}, {first}",
        f"asr {third}, {first}, #16",
        f"asr {fourth}, {second}, #16",
    ]


def _next_column(channels: int) -> list[str]:
    if is_immediate(channels):
        return [f"subs lr, #{channels}", "bpl 1b"]
    return [f"subw lr, lr, #{channels}", "cmp lr, #0", "bge 1b"]


def _assembly(rows: int, channels: int) -> list[str]:
    out = ["push {r4, r5, r6, r7, r8, r9, r10, r11, lr}", "mov lr, r1"]
    out += [f"ldr {_ROWS[i]}, [sp, #{4 * (_SAVED_WORDS + i - 2)}]" for i in range(2, rows)]
    out.append("1:")
    store = "stmdb r0!, {r8, r9, r10, r11}"
    if rows % 2:
        out += [f"ldr r8, [{_ROWS[rows - 1]}, lr]", *_alone("r8", "r9", "r10", "r11"), store]
    for first in range(rows - rows % 2 - 2, -1, -2):
        out += [f"ldr r9, [{_ROWS[first]}, lr]", f"ldr r10, [{_ROWS[first + 1]}, lr]"]
        out += [*_paired("r8", "r9", "r10", "r11"), store]
    out += _next_column(channels)
    return [*out, "pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}"]


def _portable(rows: int, channels: int, side_by_side: bool) -> str:
    lines = [
        f"  for (; last >= 0; last -= {channels}) {{",
        "    int32_t c;",
        f"    to -= {column_bytes(rows)};",
    ]
    lines.append(f"    for (c = 0; c < {LANES}; ++c) {{")
    for pair in range(pairs_of(rows)):
        low = f"row{2 * pair}[last + c]"
        high = f"row{2 * pair + 1}[last + c]" if 2 * pair + 1 < rows else f"{low} < 0 ? -1 : 0"
        at = (
            f"to + {4 * pairs_of(rows)} * c + {4 * pair}"
            if side_by_side
            else f"to + {4 * LANES * pair} + 4 * c"
        )
        lines.append(f"      tvmp_store4({at}, tvmp_pair({low}, {high}));")
    return "\n".join([*lines, "    }", "  }", ""])
