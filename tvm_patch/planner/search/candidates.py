"""Composites that are worth trying."""

from __future__ import annotations

from collections.abc import Sequence

from tvm_patch.errors import PlanError
from tvm_patch.planner.composite import Composite
from tvm_patch.planner.layout.composite_chain import Chain
from tvm_patch.planner.layout.rows_builder import reduces_rows
from tvm_patch.planner.network import Network
from tvm_patch.planner.search.pace import paced_counts
from tvm_patch.planner.search.pieces import Piece, composite_piece, piece_of

_ROWS = (1, 2, 4, 8)
"""Rows at once that are tried."""
_COLUMNS: dict[bool, dict[int, tuple[int, ...]]] = {
    False: {8: (0,)},
    True: {1: (0, 4, 12), 2: (6,), 8: (0,)},
}
"""By whether rows are kept, by rows at once, at most so many: columns at once that are tried; 0 is column by column."""
_LEAST_COLUMNS: dict[bool, tuple[int, ...]] = {False: (0,), True: (2,)}
"""By whether rows are kept: what is tried where time is of no interest."""
_LONGEST = 5
"""Operators of a composite."""
_MOST_WORK = 4.0
"""Multiply-accumulates of a composite over those of its operators."""


class Candidates:
    """Pieces of which segments are made: operators, and composites that save row buffers.

    Parameters
    ----------
    network : Network
    most_extra : int
        Multiply-accumulates that a composite may do twice.
    timed : bool
        Whether cycles are of interest.

    Attributes
    ----------
    expected : float
        Bytes below which no plan is expected.
    """

    def __init__(self, network: Network, most_extra: int = 1 << 60, timed: bool = True) -> None:
        self.expected = 0.0
        self._most_extra, self._timed = most_extra, timed
        self.network = network
        self._composites: dict[int, list[Piece]] = {}
        self._single: dict[int, Piece] = {}
        self._reducing: dict[int, Piece] = {}
        self._turns: dict[int, bool] = {}
        self._needed = [True] * len(network.operators)

    def single(self, index: int) -> Piece:
        """Return an operator as a piece."""
        if index not in self._single:
            op = self.network.operators[index]
            self._single[index] = piece_of(self.network, op, timed=self._timed)
        return self._single[index]

    def last(self, index: int) -> Piece:
        """Return an operator as the last piece: one that can do so reduces what the others make."""
        reduces = reduces_rows(self.network.operators[index])
        return self.reducing(index) if reduces else self.single(index)

    def reducing(self, index: int) -> Piece:
        """Return an operator that reduces the rows that it reads as a piece."""
        if index not in self._reducing:
            self._reducing[index] = self._reduction(index)
        return self._reducing[index]

    def _reduction(self, index: int) -> Piece:
        op = self.network.operators[index]
        return piece_of(self.network, op, reduces=True, timed=self._timed)

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
        self._composites.clear()
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
        pieces: list[Piece] = []
        for keeps in (False, True):
            # Where time is of no interest, more rows than one are kept for nothing.
            for rows in reversed(counts if self._timed or not keeps else counts[:1]):
                ways = self._ways(chain, rows, keeps)
                if ways and min(piece.extra for piece in ways) > self._most_extra:
                    break  # fewer rows at once are more work
                pieces += ways
        return [piece for piece in pieces if self.held(piece) < plain]

    def _ways(self, chain: Chain, rows: int, keeps: bool) -> list[Piece]:
        """Return a composite that makes so many rows at once, in the tiles that are worth trying or in none."""
        widths = _LEAST_COLUMNS[keeps]
        if self._timed:
            widths = next(columns for most, columns in _COLUMNS[keeps].items() if rows <= most)
        tried = [self._piece(chain, rows, keeps, n) for n in widths if 2 * n <= chain.sink.shape[2]]
        found = [piece for piece in tried if piece is not None]
        column_by_column = None if found else self._piece(chain, rows, keeps, 0)
        return found if column_by_column is None else [column_by_column]

    def _piece(self, chain: Chain, rows: int, keeps: bool, columns: int) -> Piece | None:
        try:
            desc = chain.of_rows(rows, keeps, columns)
        except PlanError:
            return None
        once = sum(op.macs for op in chain.plain)
        if desc.macs > _MOST_WORK * once:
            return None
        composite = Composite(chain.operators, rows, keeps, columns)
        timed = self._timed and desc.macs - once <= self._most_extra
        return composite_piece(self.network, composite, desc, timed)

    def held(self, piece: Piece) -> int:
        """Return the bytes that a composite needs of a segment, more or less."""
        desc, tensors = piece.desc, self.network.tensors
        read = [
            (w.size - 1) * tensors[t].row_bytes
            for t, w in zip(desc.inputs, desc.rows, strict=True)
            if w.stride
        ]
        kept = piece.stores(((0, tensors[desc.outputs[0]].shape[2]),))
        return sum(read) + desc.scratch_bytes // 2 + kept
