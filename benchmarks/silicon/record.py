"""What running peers' code gave: counts that the model's cycles follow from, kept as data."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import sqrt
from pathlib import Path

from benchmarks.silicon.figures import MEASURED, Measured
from microtvm_project.boards import BOARDS
from microtvm_project.cycles import Cycles
from microtvm_project.cycles.trace import Part, Trace
from tvm_patch.errors import UserError

RECORDED = Path(__file__).with_name("recorded.json")


@dataclass(frozen=True)
class Counts:
    """One inference of a peer's code.

    Attributes
    ----------
    network, engine, board : str
        As of :class:`~benchmarks.silicon.figures.Measured`.
    instructions : int
    issue, result_stalls : int
        Cycles of the core's model, were memory always there.
    unaligned, fetched, flash_lines, ram_lines : int
        Loads whose address is no multiple of their size; lines that the board's caches fetch for instructions, for
        data from flash and for loads from RAM.
    """

    network: str
    engine: str
    board: str
    instructions: int
    issue: int
    result_stalls: int
    unaligned: int
    fetched: int
    flash_lines: int
    ram_lines: int

    @property
    def cycles(self) -> Cycles:
        """The model's cycles on the board, parts that are memory's by the timing that the board has today."""
        timing = BOARDS[self.board].timing
        assert timing is not None
        return Cycles(
            self.issue,
            self.result_stalls,
            round(self.unaligned * timing.unaligned),
            round(self.fetched * timing.flash_line),
            round(self.flash_lines * timing.flash_line),
            round(self.ram_lines * timing.ram_line),
        )

    @staticmethod
    def of(row: Measured, trace: Trace, part: Part) -> Counts:
        """Return the counts of a trace."""
        cycles = trace.cycles(part)
        return Counts(
            row.network,
            row.engine,
            row.board,
            trace.instructions(part),
            cycles.issue,
            cycles.result_stalls,
            part.unaligned,
            part.fetched,
            part.flash_lines,
            part.ram_lines,
        )


def read(text: str) -> list[Counts]:
    """Read recorded counts.

    Raises
    ------
    UserError
        When the text is something else.
    """
    try:
        found = [Counts(**entry) for entry in json.loads(text)]
    except (json.JSONDecodeError, TypeError) as e:
        raise UserError(f"recorded counts cannot be read: {e}; rebuild them with --peers") from e
    for counts in found:
        if counts.board not in BOARDS or not all(
            isinstance(v, int) and v >= 0 for v in list(asdict(counts).values())[3:]
        ):
            raise UserError(f"recorded counts of {counts.network} make no sense; rebuild them with --peers")
    return found


def written(counts: Iterable[Counts]) -> str:
    """Return the text that :func:`read` takes."""
    return json.dumps([asdict(c) for c in counts], indent=1) + "\n"


def error_percent(row: Measured, counts: Counts) -> float:
    """Return by how much the model is above silicon."""
    return 100 * (counts.cycles.total / row.cycles - 1)


def counts_of(row: Measured, counts: Iterable[Counts]) -> Counts:
    """Return the counts that belong to a figure; KeyError where there are none."""
    for c in counts:
        if (c.network, c.engine, c.board) == (row.network, row.engine, row.board):
            return c
    raise KeyError(f"{row.network} {row.engine} {row.board}")


def errors(counts: list[Counts], cpu: str) -> list[float]:
    """Return the model's errors for a core, in percent, over what was rebuilt as a whole."""
    rows = [r for r in MEASURED if r.whole and BOARDS[r.board].cpu == cpu]
    return [error_percent(r, counts_of(r, counts)) for r in rows]


def largest(found: Iterable[float]) -> float:
    """Return the largest error, whichever its sign."""
    return max(abs(e) for e in found)


def root_mean_square(found: list[float]) -> float:
    """Return the root of the mean of the errors' squares."""
    return sqrt(sum(e * e for e in found) / len(found))
