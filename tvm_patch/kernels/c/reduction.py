"""Reductions over rows and columns, four channels a word.

A piece of a row is first reduced in packed words, which takes one or two instructions for four elements, and only then
joined with the accumulators in memory.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from tvm_patch.graph import Operator
from tvm_patch.kernels.ir import int32_at, load4
from tvm_patch.kernels.named import array, bind, loop
from tvm_patch.kernels.reduction import ChannelReduction
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr

_LANES = 4
_MOST_REGISTERS = 8
"""Packed words kept in registers at a time."""


class PackedReduction(ChannelReduction):
    """Base of reductions in packed words.

    Parameters of `config`: ``words`` neighbouring words of four channels share one pass over the columns.
    """

    isa = "c"

    packed_start: ClassVar[tuple[int, ...]]
    """The packed words of four channels before the first column."""

    packed_columns: ClassVar[int | None] = None
    """How many columns the packed words can take; None for any number."""

    @classmethod
    def default_config(cls, op: Operator) -> dict[str, Any]:
        """Return the most words that fit the registers and divide the channels."""
        most = _MOST_REGISTERS // (2 * len(cls.packed_start))
        quads = op.inputs[0].shape[3] // _LANES
        return {"words": max(n for n in range(1, most + 1) if quads % n == 0)}

    @abstractmethod
    def packed_join(self, packed: Sequence[Expr], word: Expr) -> Sequence[Expr]:
        """Return the packed words with four more elements."""

    @abstractmethod
    def packed_value(self, packed: Sequence[Expr], lane: int) -> Expr:
        """Return what the packed words hold for one of the four channels, as int32."""

    def emit(self, row: Buffer, state: Buffer, columns: Expr) -> None:
        """Emit the joining of a row's columns with the accumulators."""
        fits = self.packed_columns is None or self.op.inputs[0].shape[2] <= self.packed_columns
        packed = self.channels - self.channels % _LANES if fits else 0
        self._emit_packed(row, state, columns, packed)
        self._emit_single(row, state, columns, packed)

    def _emit_packed(self, row: Buffer, state: Buffer, columns: Expr, channels: int) -> None:
        """Add the first `channels`, a multiple of four."""
        words, size = self.config["words"], len(self.packed_start)
        if channels % (words * _LANES):
            words = 1
        if channels == 0:
            return
        registers = array("registers", words * size, "uint32")

        def packed(w: int) -> list[Expr]:
            return [registers[w * size + i] for i in range(size)]

        with loop("tile", 0, channels // (words * _LANES)) as tile:
            first = tile * (words * _LANES)
            for w in range(words):
                for i, value in enumerate(self.packed_start):
                    T.buffer_store(registers, T.uint32(value), [w * size + i])
            with loop("x", 0, columns) as x:
                for w in range(words):
                    word = load4(row, x * self.channels + first + w * _LANES)
                    for i, value in enumerate(self.packed_join(packed(w), word)):
                        T.buffer_store(registers, value, [w * size + i])
            for w in range(words):
                for lane in range(_LANES):
                    c = first + (w * _LANES + lane)
                    value = bind("value", self.packed_value(packed(w), lane))
                    T.buffer_store(state, self.join(bind("before", state[c]), value), [c])

    def _emit_single(self, row: Buffer, state: Buffer, columns: Expr, start: int) -> None:
        """Add the channels from `start` on, one at a time."""
        if start == self.channels:
            return
        total = array("total", 1)
        with loop("channel", start, self.channels) as c:
            T.buffer_store(total, state[c], [0])
            with loop("x", 0, columns) as x:
                value = bind("value", int32_at(row, x * self.channels + c))
                T.buffer_store(total, self.join(bind("before", total[0]), value), [0])
            T.buffer_store(state, total[0], [c])
