"""Rows made on demand, as TIR: who drives a tensor has its next rows made until they reach far enough."""

from __future__ import annotations

from abc import ABC, abstractmethod

from tvm import tirx
from tvm.script.ir_builder import tirx as T  # noqa: N812 - TVM's own name for it

from tvm_patch.kernels.named import array, bind
from tvm_patch.lowering.window_rows import begin_of
from tvm_patch.planner.layout.flow import Flow, RowCounts
from tvm_patch.tvm_types import Buffer, Expr


class Demand(ABC):
    """Prints the loops that :func:`tvm_patch.planner.layout.flow.simulate` replays.

    Parameters
    ----------
    flow : Flow
        Who reads what.
    counts : RowCounts
        What running it does.
    """

    made: Buffer

    def __init__(self, flow: Flow, counts: RowCounts) -> None:
        self.flow, self.counts = flow, counts
        self.index = {t: k for k, t in enumerate(flow.readers)}

    @abstractmethod
    def bring(self, tensor: str, row: Expr) -> None:
        """Emit the making (or loading) of a row that lies inside its tensor."""

    @abstractmethod
    def pad(self, tensor: str, row: Expr) -> None:
        """Emit the filling of a row that lies outside its tensor."""

    def begin(self) -> None:
        """Emit that nothing is made yet."""
        if self.index:
            self.made = array("made", len(self.index))
        for tensor, k in self.index.items():
            T.buffer_store(self.made, self.first(tensor), [k])

    def first(self, tensor: str) -> Expr:
        """Return the first row of a tensor that is made, or filled."""
        return T.int32(-self.flow.top(tensor))

    def demand(self, operator: int, row: Expr) -> None:
        """Emit the making of the rows that `operator` drives, as far as its row needs them."""
        for tensor in self.flow.driven_by(operator):
            readers = [r for r in self.flow.readers[tensor] if r.operator == operator]
            window = max((r.window for r in readers), key=lambda w: w.reach - w.pad_before)
            end = begin_of(window, row) + (window.reach - window.pad_before)
            if window.inside:
                end = T.min(end, T.int32(self.flow.rows[tensor]))
            with T.While(self.made[self.index[tensor]] < end):
                self.make(tensor)

    def finish(self) -> None:
        """Emit the making of the rows that nothing demanded, of tensors that are needed whole."""
        for tensor in self.flow.whole:
            with T.While(self.made[self.index[tensor]] < self.flow.rows[tensor]):
                self.make(tensor)

    def make(self, tensor: str) -> None:
        """Emit the making of the next row of a tensor, or of the next rows where they are made together."""
        flow, maker = self.flow, self.flow.maker[tensor]
        row = bind("row", self.made[self.index[tensor]])
        height, step = flow.rows[tensor], 1 if maker is None else flow.step(maker)
        above = flow.top(tensor) > 0
        below = self.counts.ends[tensor] > height
        inside = [c for wanted, c in ((above, row >= 0), (below, row < height)) if wanted]
        if not inside:
            self.bring(tensor, row)
            self._made(tensor, row, step)
            return
        with T.If(tirx.all(*inside)):
            with T.Then():
                self.bring(tensor, row)
                if step > 1:
                    self._made(tensor, row, step)
            with T.Else():
                self.pad(tensor, row)
                if step > 1:
                    self._made(tensor, row, 1)
        if step == 1:
            self._made(tensor, row, 1)

    def _made(self, tensor: str, row: Expr, rows: int) -> None:
        after = row + rows
        if rows > 1 and self.flow.rows[tensor] % rows:
            after = T.min(after, T.int32(self.flow.rows[tensor]))
        T.buffer_store(self.made, after, [self.index[tensor]])
