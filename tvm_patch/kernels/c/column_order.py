"""In which order a row's channels and columns are taken by a depthwise convolution that reads RAM through a cache.

A line of a row under the window holds channels of several groups.  Group after group over the whole row, it is read
again for each of them where the rows do not fit the cache.  Block of columns after block of columns, with all groups
each, it stays; in return columns between blocks are rearranged twice, and weights are read and widened once a block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

from tvm_patch.kernels.c.arm.column_pairs import LANES, column_bytes, pairs_of
from tvm_patch.targets import DataMemory

_WAYS = 4
"""Of a Cortex-M7's data cache (Arm DDI 0489)."""
_LEAST_GAIN = 0.98
"""Another order is only taken if it waits for less than so much of the cycles, for these are estimates."""


@dataclass(frozen=True)
class ColumnOrder:
    """A row of a depthwise convolution.

    Attributes
    ----------
    rows, columns, stride, dilation : int
        The window, and its steps along the columns.
    channels, width : int
        Of the output.
    stream_bytes : int
        Of weights.
    outputs : int
        Neighbouring outputs of a channel that are made at once.
    """

    rows: int
    columns: int
    stride: int
    dilation: int
    channels: int
    width: int
    stream_bytes: int
    outputs: int

    def span(self, outputs: int) -> int:
        """Return the input columns under neighbouring outputs."""
        return (outputs - 1) * self.stride + (self.columns - 1) * self.dilation + 1

    def best(self, block: int, most: int, memory: DataMemory) -> int | None:
        """Return the outputs of a block that is made with all its channels before the next one, None for no such order.

        Parameters
        ----------
        block : int
            Outputs of a block in the order of the channels.
        most : int
            Most outputs of a block that there is scratch for.
        memory : DataMemory
        """
        by_channel = self.cycles(self._blocks(block), memory, across=False)
        found = {
            n: self.cycles(self._blocks(n), memory, across=True)
            for n in range(self.outputs, min(most, self.width - 1) + 1, self.outputs)
        }
        best = min(found, key=lambda n: (found[n], n), default=None)
        return best if best is not None and found[best] < _LEAST_GAIN * by_channel else None

    def _blocks(self, outputs: int) -> list[int]:
        whole, rest = divmod(self.width, outputs)
        return [outputs] * whole + ([rest] if rest else [])

    def cycles(self, blocks: Sequence[int], memory: DataMemory, *, across: bool) -> float:
        """Return those of a row that depend on the order: waits for memory, and what is done for every block again."""
        groups, line = -(-self.channels // LANES), memory.line
        part = min(1.0, self.channels / line)  # of a line, for one column of one row
        inside = [self.rows * self.span(n) * part for n in blocks]
        scratch = [self.span(n) * column_bytes(self.rows) / line for n in blocks]
        live = [i + s + n * part for i, s, n in zip(inside, scratch, blocks, strict=True)]
        lost = self._lost(max(live) if across else sum(live), memory)
        read = sum(self.rows * self.span(n) * self.channels / line for n in blocks)
        ram = groups * sum(i + s for i, s in zip(inside, scratch, strict=True)) * lost + read * (1 - lost)
        # Of a block with all channels the weights stay as well, if all that it takes does.
        span = self.span(max(blocks))
        taken = (self.rows * span + max(blocks)) * self.channels + span * column_bytes(self.rows)
        again = len(blocks) if across and self.stream_bytes + taken > memory.cache else 1
        flash = self.stream_bytes / line * again
        return ram * memory.ram_line + flash * memory.flash_line + groups * sum(map(self._work, blocks))

    def _work(self, outputs: int) -> float:
        """Return the cycles of a block of one group: columns rearranged, weights widened, sums made, two calls."""
        rearranged = 4 * self.rows * self.span(outputs)
        widened = 1.25 * LANES * self.rows * self.columns
        tile = min(self.outputs, outputs)
        sums = (pairs_of(self.rows) * self.columns + 8) * tile + 10
        return rearranged + widened + LANES * sums * -(-outputs // tile) + 120

    def _lost(self, lines: float, memory: DataMemory) -> float:
        """Return the part of so many lines that is lost from the cache before it is read again.

        Columns of whole lines lie evenly over the sets.  Others come to sets as if by chance, and a set that gets as
        many others as it has ways loses one.
        """
        of_cache = lines * memory.line / memory.cache
        if self.channels % memory.line == 0:
            return float(of_cache > 1)
        term = kept = exp(-of_cache * _WAYS)
        for k in range(1, _WAYS):
            term *= of_cache * _WAYS / k
            kept += term
        return 1 - kept
