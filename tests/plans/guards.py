"""Which bytes of the arena each step of a program owns, and layouts with gaps between them.

The proof that nothing is overrun, for code that runs on the host:

- Before each step of ``run`` the whole arena is poisoned for AddressSanitizer, then only what that step owns is opened:
  the tensors that it reads and writes, its row buffers, accumulators and working memory.  Any other access, read or
  write, of generated code or of a row source, ends the program with a report.
- As planned these regions touch, so an overrun could land in a neighbour.  :func:`gaps` makes the compiler's own layout
  code leave unused bytes behind every row buffer (behind every *row*, if asked) and behind every region of a patch, and
  :func:`place_apart` leaves some behind every tensor.  The printed code is the same but for the offsets.

AddressSanitizer counts in granules of eight bytes, of which it can close the end but not the start: with gaps every
region starts at a multiple of eight, so the guard is exact to the byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from tvm_patch.lowering.program import Program, Step
from tvm_patch.planner.arena.buffers import ArenaPlan, Buffer, Overlap
from tvm_patch.planner.arena.solver import plan_arena
from tvm_patch.planner.layout import channels, composite_chain, patches, rows, rows_builder
from tvm_patch.planner.layout.channels import ChannelsLayout
from tvm_patch.planner.layout.composite import CompositeDesc, CompositeLayout
from tvm_patch.planner.layout.patches import PatchLayout
from tvm_patch.planner.layout.row_buffer import RowBuffer, Span
from tvm_patch.planner.layout.rows import RowsLayout
from tvm_patch.planner.placement import Placement

GAP = 32
"""Bytes between regions; what runs past an end by more lands in a gap only if it writes every byte on its way."""

Region = tuple[int, int]
"""Offset and size in bytes."""

_STEP = re.compile(r"^  /\* (?P<index>\d+) .*\*/\n", re.MULTILINE)


def _apart(size: int) -> int:
    return -(-size // 8) * 8 + GAP if size else 0


def _slot_bytes(buffer: RowBuffer) -> int:
    return _apart(buffer.line_bytes)


def _side_by_side(buffers: Sequence[Buffer], align: int) -> ArenaPlan:
    """Place buffers one after the other: none shares its bytes with one that is used at another time."""
    offsets, end = {}, 0
    for buffer in buffers:
        offsets[buffer.name] = end
        end += buffer.size
    return ArenaPlan(offsets, end, "side by side", end)


@contextmanager
def gaps(between_rows: bool = False) -> Iterator[None]:
    """Make segments leave gaps between the parts of their scratch; also between rows of one buffer if asked.

    With gaps between rows, rows share no padding.
    """
    with ExitStack() as stack:
        for module in (channels, composite_chain, rows, rows_builder, patches):
            stack.enter_context(patch.object(module, "aligned", _apart))
        stack.enter_context(patch.object(patches, "plan_arena", _side_by_side))
        if between_rows:
            stack.enter_context(patch.object(Span, "shared_padding", lambda _span, _width: 0))
            stack.enter_context(patch.object(RowBuffer, "slot_bytes", property(_slot_bytes)))
        yield


def place_apart(program: Program) -> Placement:
    """Give every tensor and scratch an offset, as the compiler does, with a gap behind each."""
    question = program.schedule.question
    buffers = [Buffer(s.name, _apart(s.size), s.first, s.last, 8) for s in question.storages]
    buffers += [Buffer(f"scratch {i}", _apart(size), i, i, 8) for i, size in question.scratch.items()]
    plan = plan_arena(buffers, [Overlap(*o) for o in question.overlaps], align=8)
    tensors = {name: plan.offsets[s.name] for s in question.storages for name in s.tensors}
    scratch = {i: plan.offsets[f"scratch {i}"] for i in question.scratch}
    return Placement(plan.size, tensors, scratch, plan)


def owned(program: Program, placement: Placement, step: Step) -> list[Region]:
    """Return the regions of the arena that a step may touch."""
    regions = [
        (placement.tensors[t], program.tensors[t].nbytes) for t in (*step.layout.sources, *step.layout.stored)
    ]
    if step.layout.scratch_bytes:
        base = placement.scratch[step.index]
        regions += [(base + offset, size) for offset, size in _scratch(step)]
    return [r for r in regions if r[1]]


def _scratch(step: Step) -> Iterator[Region]:
    """Yield the parts of a step's scratch."""
    laid_out = step.layout
    if isinstance(laid_out, PatchLayout):
        yield from _patch_scratch(laid_out)
        return
    if isinstance(laid_out, ChannelsLayout):
        made = laid_out.blocks[-1][0].operator.outputs[0].shape
        yield 0, laid_out.window_bytes
        yield laid_out.row_offset, made[2] * made[3]
        yield laid_out.scratch_offset, laid_out.block_scratch
        return
    if not isinstance(laid_out, RowsLayout):
        yield 0, step.kernels[0].scratch_bytes
        return
    for buffer in laid_out.buffers.values():
        yield from _buffer_regions(buffer)
    yield from ((store.offset, store.nbytes) for store in laid_out.stores.values())
    if not laid_out.sink.rows:
        yield laid_out.state_offset, laid_out.sink.state_bytes
    for element in laid_out.elements:
        if isinstance(element, CompositeDesc):
            parts = _composite_scratch(element.laid_out)
            yield from ((laid_out.scratch_offset + offset, size) for offset, size in parts)
        elif element.rows:
            yield laid_out.scratch_offset, element.scratch_bytes


def _buffer_regions(buffer: RowBuffer) -> Iterator[Region]:
    if buffer.slot_bytes > buffer.line_bytes:
        yield from ((buffer.offset + i * buffer.slot_bytes, buffer.line_bytes) for i in range(buffer.slots))
    else:
        yield buffer.offset, buffer.nbytes


def _composite_scratch(laid_out: CompositeLayout) -> Iterator[Region]:
    for buffer in laid_out.buffers.values():
        yield from _buffer_regions(buffer)
    yield laid_out.out_offset, laid_out.out_bytes
    yield laid_out.scratch_offset, max(op.scratch_bytes for op in laid_out.running)


def _patch_scratch(laid_out: PatchLayout) -> Iterator[Region]:
    yield from ((buffer.offset, buffer.nbytes) for buffer in laid_out.buffers.values())
    for tensor, offset in laid_out.line_offset.items():
        yield offset, laid_out.line_bytes[tensor]
    yield from zip(laid_out.scratch_offset, (op.scratch_bytes for op in laid_out.operators), strict=True)


def regions_of(program: Program, placement: Placement) -> list[list[Region]]:
    """Return what each step may touch; to be asked under the gaps that the program was lowered with."""
    return [owned(program, placement, step) for step in program.steps]


def with_guards(source: str, regions: Sequence[Sequence[Region]], arena_bytes: int) -> str:
    """Return generated C that opens the regions of each step, and closes all others, before the step runs.

    It calls ``void guard_step(void *arena, uint32_t bytes, const uint32_t *regions, uint32_t count)``.
    """
    head, run = source.split("static int32_t run(", 1)

    def insert(match: re.Match[str]) -> str:
        own = regions[int(match["index"])]
        numbers = ", ".join(f"{offset}u, {size}u" for offset, size in own)
        table = f"static const uint32_t open[] = {{{numbers}}};"
        return f"{match[0]}  {{ {table} guard_step(memory, {arena_bytes}u, open, {len(own)}u); }}\n"

    run, count = _STEP.subn(insert, run)
    assert count == len(regions)
    return f"{head}static int32_t run({run}"
