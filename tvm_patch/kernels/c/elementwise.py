"""Element-wise kernels of int8 that read words of four elements."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tvm_patch.kernels.elementwise import Elementwise
from tvm_patch.kernels.loops import element_strides, merge_axes, nest
from tvm_patch.kernels.named import bind, loop
from tvm_patch.tir import T, sym
from tvm_patch.tvm_types import Buffer, Expr


class PackedElementwise(Elementwise):
    """Base of kernels of int8 operands that run four elements at a time where they lie side by side."""

    isa = "c"

    number: Callable[[Sequence[Expr]], Expr]
    """Returns one output element as int32 from operands widened to int32; the operator's own class has it."""

    def block(
        self,
        out: Buffer,
        *,
        sources: Sequence[Buffer],
        extents: Sequence[Any],
        strides: Sequence[tuple[int, ...]],
        tables: Mapping[str, Buffer],
    ) -> None:
        """Emit the loops that fill `out`; see :class:`Elementwise`."""
        if not self._packed_block(out, sources, extents, strides, tables):
            super().block(out, sources=sources, extents=extents, strides=strides, tables=tables)

    def lanes(self, loaded: Sequence[Expr], packed: Sequence[bool]) -> Iterator[Expr]:
        """Yield the four output elements of a word as int32.

        Parameters
        ----------
        loaded : sequence of Expr
            By operand a word of four int8, or the int32 that all four elements share.
        packed : sequence of bool
            Which are words.
        """
        for lane in range(4):
            yield self.number(
                [
                    bind("byte", T.call_extern("int32", "tvmp_byte", word, lane)) if is_word else word
                    for word, is_word in zip(loaded, packed, strict=True)
                ]
            )

    def store_four(
        self,
        out: Buffer,
        index: Expr,
        loaded: Sequence[Expr],
        packed: Sequence[bool],
        tables: Mapping[str, Buffer],
    ) -> None:
        """Emit the four output elements of a word from `index` on; operands as of :meth:`lanes`."""
        for lane, number in enumerate(self.lanes(loaded, packed)):
            # Four byte stores cost less than packing a word.
            T.buffer_store(out, T.cast(number, "int8"), [index + lane])

    def _packed_block(
        self,
        out: Buffer,
        sources: Sequence[Buffer],
        extents: Sequence[Any],
        strides: Sequence[tuple[int, ...]],
        tables: Mapping[str, Buffer],
    ) -> bool:
        """Emit the loops with words of four int8 in the innermost axis; False where that does not apply."""
        # Merged axes: the innermost is dense in the output; operands step by 1 or repeat one element.
        merged, (out_steps, *steps) = merge_axes(extents, (element_strides(extents), *strides))
        elements = merged[-1]
        fixed = isinstance(elements, int)
        if (fixed and elements < 4) or any(s[-1] not in (0, 1) for s in steps):
            return False
        words = elements // 4 if fixed else bind("words", T.truncdiv(elements, T.int32(4)))
        outer = tuple(s[:-1] for s in (out_steps, *steps))
        with nest(merged[:-1], outer) as (to, *at):
            with loop("word", 0, words) as w:
                loaded = [
                    bind("word", T.call_extern("uint32", "tvmp_load4", T.address_of(buffer[index + w * 4])))
                    if step[-1]
                    else bind("value", T.cast(buffer[index], "int32"))
                    for buffer, index, step in zip(sources, at, steps, strict=True)
                ]
                # Everything is loaded before the first store, as running in place asks for.
                self.store_four(out, to + w * 4, loaded, [bool(step[-1]) for step in steps], tables)

            def single(i: Any) -> None:
                values = [
                    T.bind(T.cast(buffer[index + i * step[-1]], "int32"))
                    for buffer, index, step in zip(sources, at, steps, strict=True)
                ]
                T.buffer_store(out, self.element(values, tables), [to + i])

            if fixed:
                for i in range(4 * words, elements):
                    single(i)
            elif not sym.Analyzer().can_prove_equal(T.truncmod(elements, T.int32(4)), 0):
                with loop("i", words * 4, elements) as i:
                    single(i)
        return True
