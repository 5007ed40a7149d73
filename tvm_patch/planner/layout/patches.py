"""A segment that runs patch by patch, as in MCUNetV2: whole regions of every tensor, one operator after another.

The output is cut into patches along both axes.  For each of them every operator makes the whole region that the patch
depends on before the next operator starts, so that halos are computed again along both axes.  It is here to be compared
with: row buffers (:mod:`tvm_patch.planner.layout.rows`) need less of everything.  Lin et al., MCUNetV2, NeurIPS 2021,
section 3.1.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Self

from tvm_patch.errors import PlanError
from tvm_patch.graph import Tensor
from tvm_patch.planner.arena.buffers import Buffer
from tvm_patch.planner.arena.solver import plan_arena
from tvm_patch.planner.layout.base import Layout
from tvm_patch.planner.layout.row_buffer import BUFFERED_DTYPES, Span, aligned
from tvm_patch.planner.network import Network, OperatorDesc
from tvm_patch.planner.row_window import RowWindow


@dataclass(frozen=True)
class PatchRegion:
    """A rectangle of a tensor, by patch.

    Attributes
    ----------
    rows : Span
        By row of patches.
    columns : Span
        By column of patches.
    """

    rows: Span
    columns: Span

    def needs(self, window: RowWindow) -> PatchRegion:
        """Return the part of an input that this part of the output is made from."""
        rows = Span(
            tuple(map(window.first_row, self.rows.first)),
            tuple(window.end_row(e - 1) for e in self.rows.end),
        )
        return PatchRegion(rows, self.columns.needs(window))

    def joined(self, other: PatchRegion) -> PatchRegion:
        """Return the least region that holds both."""
        return PatchRegion(self.rows.joined(other.rows), self.columns.joined(other.columns))

    def clipped(self, tensor: Tensor) -> PatchRegion:
        """Return the part inside a tensor."""
        return PatchRegion(self.rows.clipped(tensor.shape[1]), self.columns.clipped(tensor.shape[2]))


@dataclass(frozen=True)
class RegionBuffer:
    """Where the region of a tensor lies during a patch.

    Attributes
    ----------
    tensor : str
    region : PatchRegion
        May reach outside the tensor, where padding lies.
    pixel_bytes : int
    pad_value : int
    offset : int
        Byte offset in the segment's scratch.
    """

    tensor: str
    region: PatchRegion
    pixel_bytes: int
    pad_value: int
    offset: int

    @property
    def line_bytes(self) -> int:
        """Bytes of one row."""
        return self.region.columns.widest * self.pixel_bytes

    @property
    def nbytes(self) -> int:
        """Bytes of the largest patch's region."""
        return self.region.rows.widest * self.line_bytes


@dataclass(frozen=True, kw_only=True)
class PatchLayout(Layout):
    """Everything about a patched segment that its code and its cost follow from.

    Attributes
    ----------
    patch_rows, bands : int
        Patches from top to bottom and from left to right.
    regions : tuple of PatchRegion
        Per operator: what it makes.
    buffers : dict of str to RegionBuffer
        By tensor.
    buffered : frozenset of (int, int)
        Which (operator position, input) read from a region buffer; the others read stored tensors in place.
    line_bytes : dict of str to int
        Bytes of a row of each fetched input, by tensor: rows arrive whole.
    line_offset : dict of str to int
        Where they arrive: byte offset in the scratch.
    scratch_offset : tuple of int
        Byte offset of each operator's working memory in the scratch, in which overlaps are counted once.
    """

    patch_rows: int
    bands: int
    regions: tuple[PatchRegion, ...]
    buffers: dict[str, RegionBuffer]
    buffered: frozenset[tuple[int, int]]
    line_bytes: dict[str, int]
    line_offset: dict[str, int]
    scratch_offset: tuple[int, ...]

    @property
    def held(self) -> Collection[str]:
        """Tensors of which the scratch holds a part."""
        return self.buffers

    def first_reader(self, tensor: str) -> int:
        """Return the position of the first operator that reads the buffer of `tensor`."""
        return min(i for i, j in self.buffered if self.operators[i].inputs[j] == tensor)

    def macs_executed(self, network: Network) -> int:
        """Return the multiply-accumulates that the segment runs."""
        total = 0
        for op, region in zip(self.operators, self.regions, strict=True):
            if op.macs:
                _, height, width, _ = network.tensors[op.outputs[0]].shape
                total += op.macs * region.rows.total * region.columns.total // (height * width)
        return total

    def with_scratch(self, scratch: Sequence[int]) -> Self:
        """Return the layout for kernels with other scratch; see :meth:`Layout.with_scratch`.

        Regions share memory with the scratch of other operators, so all parts are placed anew.
        """
        return replace(self, operators=self._operators_with(scratch)).placed()

    def placed(self) -> Self:
        """Return the layout with the parts of its scratch where they need the least memory."""
        made = {op.outputs[0]: i for i, op in enumerate(self.operators)}
        readers: dict[str, list[int]] = {}
        for i, j in sorted(self.buffered):
            readers.setdefault(self.operators[i].inputs[j], []).append(i)
        asked = [
            Buffer(tensor, aligned(self.buffers[tensor].nbytes), made.get(tensor, min(used)), max(used), 4)
            for tensor, used in readers.items()
        ]
        asked += [
            Buffer(f"row of {t}", aligned(size), min(readers[t]), min(readers[t]))
            for t, size in self.line_bytes.items()
        ]
        asked += [
            Buffer(f"scratch {i}", aligned(op.scratch_bytes), i, i) for i, op in enumerate(self.operators)
        ]
        plan = plan_arena(asked, align=4)
        return replace(
            self,
            buffers={t: replace(b, offset=plan.offsets[t]) for t, b in self.buffers.items()},
            line_offset={t: plan.offsets[f"row of {t}"] for t in self.line_bytes},
            scratch_offset=tuple(plan.offsets[f"scratch {i}"] for i in range(len(self.operators))),
            scratch_bytes=aligned(plan.size),
        )


def layout_patches(
    network: Network,
    indices: Sequence[int],
    patch_rows: int,
    bands: int,
    kept: Collection[str] = (),
    fetched: Collection[str] = (),
) -> PatchLayout:
    """Lay out operators that run one after another within each patch.

    Parameters
    ----------
    network : Network
        With ``rows`` described for row-wise operators.
    indices : sequence of int
        The operators, in run order.
    patch_rows, bands : int
        Patches from top to bottom and from left to right.
    kept : collection of str
        Tensors that are needed after the segment.
    fetched : collection of str
        Network inputs whose rows are fetched instead of read from the arena.

    Raises
    ------
    PlanError
        When these operators cannot run patch by patch, saying why.
    """
    operators = tuple(network.operators[i] for i in indices)
    _check(network, operators, set(kept))
    return _Patches(network, operators, patch_rows, bands, set(fetched)).build()


def _check(network: Network, operators: tuple[OperatorDesc, ...], kept: set[str]) -> None:
    read = {t for op in operators for t in op.inputs}
    for op in operators:
        where = f"operator {op.index} ({op.kind} {op.name})"
        if not op.rows:
            raise PlanError(f"{where} needs its whole input: it cannot run in patches")
        if not op.bandable:
            raise PlanError(f"{where} cannot be cut into patches")
        output = op.outputs[0]
        if op is not operators[-1] and output in kept:
            raise PlanError(f"tensor {output} is needed later: its segment cannot have patches")
        if op is not operators[-1] and output not in read:
            raise PlanError(f"{where} leads nowhere inside its segment")


def _check_inside(region: PatchRegion, tensor: str, output: str) -> None:
    if region.rows.least < 1 or region.columns.least < 1:
        raise PlanError(f"a patch of {output} depends on no more than the padding of {tensor}")


def _cut(size: int, parts: int, what: str, name: str) -> Span:
    step = -(-size // max(1, parts))
    starts = tuple(range(0, size, step))
    if len(starts) != parts:
        raise PlanError(f"the {size} {what} of {name} cannot be cut into {parts} patches of equal size")
    return Span(starts, tuple(min(size, s + step) for s in starts))


class _Patches:
    def __init__(
        self,
        network: Network,
        operators: tuple[OperatorDesc, ...],
        patch_rows: int,
        bands: int,
        fetched: set[str],
    ) -> None:
        self.network, self.ops, self.patch_rows, self.bands = network, operators, patch_rows, bands
        self.made = {op.outputs[0]: i for i, op in enumerate(operators)}
        self.fetched = fetched - set(self.made)
        self.buffered = frozenset(
            (i, j)
            for i, op in enumerate(operators)
            for j in range(len(op.inputs))
            if self._is_buffered(op, j)
        )

    def _is_buffered(self, op: OperatorDesc, j: int) -> bool:
        tensor, window = op.inputs[j], op.rows[j]
        inner = tensor in self.made
        if inner and window.stride == 0:
            raise PlanError(f"tensor {tensor} is broadcast: it must be whole before its reader runs")
        height = self.network.tensors[op.outputs[0]].shape[1]
        in_place = window.reads_in_place(height, self.network.tensors[tensor].rows)
        return inner or tensor in self.fetched or not in_place

    def build(self) -> PatchLayout:
        regions, held = self._regions()
        read = dict.fromkeys(self.ops[i].inputs[j] for i, j in sorted(self.buffered))
        sources = [t for op in self.ops for t in op.inputs if t not in self.made and t not in self.fetched]
        return PatchLayout(
            operators=self.ops,
            sources=tuple(dict.fromkeys(sources)),
            fetched=tuple(sorted(self.fetched & {t for op in self.ops for t in op.inputs})),
            stored=(self.ops[-1].outputs[0],),
            scratch_bytes=0,
            # Every patch reads the inputs anew: none may be written over.
            input_distance=dict.fromkeys(sources),
            patch_rows=self.patch_rows,
            bands=self.bands,
            regions=regions,
            buffers={tensor: self._buffer(tensor, held[tensor]) for tensor in read},
            buffered=self.buffered,
            line_bytes={t: self.network.tensors[t].row_bytes for t in sorted(self.fetched & set(read))},
            line_offset={},
            scratch_offset=(),
        ).placed()

    def _buffer(self, tensor: str, region: PatchRegion) -> RegionBuffer:
        desc = self.network.tensors[tensor]
        if desc.dtype not in BUFFERED_DTYPES:
            raise PlanError(f"tensor {tensor} is {desc.dtype}: regions hold bytes only")
        windows = [self.ops[i].rows[j] for i, j in self.buffered if self.ops[i].inputs[j] == tensor]
        values = {w.pad_value for w in windows if w.pads}
        if len(values) > 1:
            raise PlanError(f"tensor {tensor} is padded with different values by its readers")
        pixel = desc.row_bytes // desc.shape[2]
        return RegionBuffer(tensor, region, pixel, values.pop() if values else 0, 0)

    def _regions(self) -> tuple[tuple[PatchRegion, ...], dict[str, PatchRegion]]:
        """Return what each operator makes, and what each buffer holds."""
        output = self.network.tensors[self.ops[-1].outputs[0]]
        if len(output.shape) != 4 or output.shape[0] != 1:
            raise PlanError(f"tensor {output.name} has no rows and columns: it cannot be cut into patches")
        wanted = {
            output.name: PatchRegion(
                _cut(output.shape[1], self.patch_rows, "rows", output.name),
                _cut(output.shape[2], self.bands, "columns", output.name),
            )
        }
        held: dict[str, PatchRegion] = {}
        regions: list[PatchRegion] = []
        for i in reversed(range(len(self.ops))):
            op = self.ops[i]
            own = wanted[op.outputs[0]].clipped(self.network.tensors[op.outputs[0]])
            _check_inside(own, op.outputs[0], output.name)
            regions.append(own)
            for j, (tensor, window) in enumerate(zip(op.inputs, op.rows, strict=True)):
                need = own.needs(window)
                wanted[tensor] = wanted[tensor].joined(need) if tensor in wanted else need
                if (i, j) in self.buffered:
                    held[tensor] = held[tensor].joined(need) if tensor in held else need
        for tensor in set(held) - set(self.made):
            _check_inside(held[tensor].clipped(self.network.tensors[tensor]), tensor, output.name)
        return tuple(reversed(regions)), held
