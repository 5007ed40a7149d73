"""Composites that are worth trying."""

from __future__ import annotations

from collections.abc import Sequence

from tvm_patch.errors import PlanError
from tvm_patch.planner.composite import Composite
from tvm_patch.planner.layout.composite_chain import Chain
from tvm_patch.planner.layout.rows_builder import joins_as_reduction
from tvm_patch.planner.network import Network
from tvm_patch.planner.search.pace import paced_counts
from tvm_patch.planner.search.pieces import Piece, composite_piece, piece_of

_ROWS = (1, 2, 4, 8)
"""Rows at once that are tried."""
_COLUMNS = {1: (0, 2, 4, 12), 2: (0, 2, 6), 4: (0, 4), 8: (0,)}
"""By rows at once, at most so many: columns at once that are tried; 0 is column after column."""
_LONGEST = 5
"""Operators of a composite."""
_MOST_WORK = 4.0
"""Multiply-accumulates of a composite over those of its operators."""


class Candidates:
    """Pieces of which segments are made: operators, and composites that save row buffers.

    Parameters
    ----------
    network : Network

    Attributes
    ----------
    expected : float
        Bytes below which no plan is expected.
    """

    def __init__(self, network: Network) -> None:
        self.expected = 0.0
        self.network = network
        self._composites: dict[int, list[Piece]] = {}
        self._single: dict[int, Piece] = {}
        self._reducing: dict[int, Piece] = {}
        self._turns: dict[int, bool] = {}
        self._needed = [True] * len(network.operators)

    def single(self, index: int) -> Piece:
        """Return an operator as a piece."""
        if index not in self._single:
            self._single[index] = piece_of(self.network, self.network.operators[index])
        return self._single[index]

    def last(self, index: int) -> Piece:
        """Return an operator as the last piece: one that can do so reduces what the others make."""
        reduces = joins_as_reduction(self.network.operators[index], 2)
        return self.reducing(index) if reduces else self.single(index)

    def reducing(self, index: int) -> Piece:
        """Return an operator that reduces the rows that it reads as a piece."""
        if index not in self._reducing:
            self._reducing[index] = piece_of(self.network, self.network.operators[index], reduces=True)
        return self._reducing[index]

    def composites(self, index: int) -> list[Piece]:
        """Return the composites whose last operator is `index`."""
        if index not in self._composites:
            self._composites[index] = list(self._ending(index))
        return self._composites[index]

    def only_above(self, size: float, peaks: Sequence[int]) -> None:
        """Leave out composites that are not needed.

        Parameters
        ----------
        size : float
            Bytes below which no plan is expected.
        peaks : sequence of int
            By operator: bytes in use without composites.
        """
        self.expected = size
        self._needed = [peak > size for peak in peaks]

    def ending(self, index: int) -> list[Piece]:
        """Return all pieces whose last operator is `index`."""
        return [self.single(index), *self.composites(index)] if self.network.operators[index].rows else []

    def _turned(self, index: int) -> bool:
        if index not in self._turns:
            op, shapes = self.network.operators[index], self.network.shapes
            self._turns[index] = bool(op.rows) and shapes is not None and shapes.turned(index) is not None
        return self._turns[index]

    def _ending(self, index: int) -> list[Piece]:
        found: list[Piece] = []
        if not self._turned(index):
            return found
        for start in range(index - 1, max(-1, index - _LONGEST), -1):
            if not self._turned(start):
                break
            operators = tuple(range(start, index + 1))
            if not self._widens(start) or not any(self._needed[i] for i in operators):
                continue
            try:
                chain = Chain(self.network, operators, count=paced_counts)
            except PlanError:
                continue
            found += self._of(chain)
        return found

    def _widens(self, index: int) -> bool:
        """Tell whether an operator makes rows that are longer than those that it is made from."""
        op, tensors = self.network.operators[index], self.network.tensors
        read = [tensors[t].row_bytes for t, w in zip(op.inputs, op.rows, strict=True) if w.stride]
        return tensors[op.outputs[0]].row_bytes > sum(read)

    def _of(self, chain: Chain) -> list[Piece]:
        if all(r.window.reach == 1 for t in chain.made for r in chain.flow.readers.get(t, ())):
            return []  # a row of each tensor is all that there is
        plain = 0
        for op in chain.plain:
            for tensor, window in zip(op.inputs, op.rows, strict=True):
                if tensor in chain.made:
                    plain += window.reach * self.network.tensors[tensor].row_bytes
        height = chain.sink.shape[1]
        # As many rows as make the same number of runs: the last run has hardly fewer than the others.
        counts = sorted({-(-height // -(-height // rows)) for rows in _ROWS if 2 * rows <= height})
        pieces = [
            piece for keeps in (False, True) for rows in counts for piece in self._ways(chain, rows, keeps)
        ]
        return [piece for piece in pieces if self._held(piece) < plain]

    def _ways(self, chain: Chain, rows: int, keeps: bool) -> list[Piece]:
        """Return a composite that makes so many rows at once, in the tiles that are worth trying or in none."""
        widths = next(columns for most, columns in _COLUMNS.items() if rows <= most)
        tried = [self._piece(chain, rows, keeps, n) for n in widths if 2 * n <= chain.sink.shape[2]]
        return [piece for piece in tried if piece is not None]

    def _piece(self, chain: Chain, rows: int, keeps: bool, columns: int) -> Piece | None:
        try:
            desc = chain.of_rows(rows, keeps, columns)
        except PlanError:
            return None
        if desc.macs > _MOST_WORK * sum(op.macs for op in chain.plain):
            return None
        return composite_piece(self.network, Composite(chain.operators, rows, keeps, columns), desc)

    def _held(self, piece: Piece) -> int:
        """Return the bytes that a composite needs of a segment, more or less."""
        desc, tensors = piece.desc, self.network.tensors
        read = [
            (w.size - 1) * tensors[t].row_bytes
            for t, w in zip(desc.inputs, desc.rows, strict=True)
            if w.stride
        ]
        kept = piece.stores(((0, tensors[desc.outputs[0]].shape[2]),))
        return sum(read) + desc.scratch_bytes // 2 + kept
