"""FULLY_CONNECTED row by row: four outputs at a time, each row read as it is."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from tvm_patch.graph import Operator
from tvm_patch.kernels.c.arm.dot_sums import PADDING_WORDS, dot_sums
from tvm_patch.kernels.c.arm.dot_tile import DotLoop
from tvm_patch.kernels.c.arm.function import Functions, with_functions
from tvm_patch.kernels.c.joined import added_to_sums, joined_words, sums_fit
from tvm_patch.kernels.c.requantize import ExactHelperRequantizer
from tvm_patch.kernels.c.stream import QUAD, words_of
from tvm_patch.kernels.c.unrolled import loop_of
from tvm_patch.kernels.ir import accumulate, call, int32_at
from tvm_patch.kernels.named import bind, loop
from tvm_patch.kernels.registry import register_reduction
from tvm_patch.kernels.row_fully_connected import RowFullyConnected
from tvm_patch.targets import Target
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr, PrimFunc

_STEP = {4: 19, 2: 11}
"""Instructions of a step, by outputs at a time."""


@register_reduction
class DotRowFullyConnected(RowFullyConnected):
    """Row after row, groups of outputs at a time; outputs are filled up with zeros to whole groups.

    Parameters of `config`: ``group``, ``unroll`` and ``dual`` as for ``DotFullyConnected``.
    """

    isa = "c"
    requantizer_type: ClassVar[type[ExactHelperRequantizer]] = ExactHelperRequantizer

    @classmethod
    def default_config(cls, op: Operator) -> dict[str, Any]:
        """Return the groups that take the fewest instructions."""
        outputs = op.constants["weight"].shape[0]
        return {
            "group": min(_STEP, key=lambda n: _STEP[n] * -(-outputs // n)),
            "unroll": 8,
            "dual": False,
        }

    @classmethod
    def config_for(cls, op: Operator, target: Target) -> dict[str, Any]:
        """Return loops for two instructions a cycle where the core issues two."""
        return {"dual": target.issues == 2}

    @property
    def sums(self) -> int:
        """Number of accumulators, whole groups of them."""
        group = int(self.config["group"])
        return -(-self.outputs // group) * group

    @property
    def quads(self) -> int:
        """Whole fours of inputs of a row."""
        return self.inputs // QUAD

    @cached_property
    def _weights(self) -> np.ndarray:
        """Weights by output, row and input."""
        weight: np.ndarray = self.op.constants["weight"]
        return weight.reshape(self.outputs, -1, self.inputs)

    @cached_property
    def _fours(self) -> np.ndarray:
        """Weights of whole fours of inputs, by row and output, of which some are zeros."""
        fours = self._weights[:, :, : QUAD * self.quads].transpose(1, 0, 2)
        return np.pad(fours, ((0, 0), (0, self.sums - self.outputs), (0, 0)))

    @cached_property
    def joined(self) -> bool:
        """Whether weights are joined, where those of every row fit; see :mod:`tvm_patch.kernels.c.joined`."""
        return not self.config["dual"] and all(sums_fit(row) for row in self._fours)

    @property
    def row_weights(self) -> dict[str, np.ndarray]:
        """The stream: row after row, group after group, a word an output; and inputs that make no whole four."""
        pack, group = joined_words if self.joined else words_of, int(self.config["group"])
        rows, found = len(self._fours), dict[str, np.ndarray]()
        if self.quads:
            words = pack(self._fours.reshape(rows * self.sums, -1)).reshape(-1, group, self.quads)
            stream = np.ascontiguousarray(words.transpose(0, 2, 1)).ravel()
            found["stream"] = np.pad(stream, (0, PADDING_WORDS)) if self.config["dual"] else stream
        if self.inputs % QUAD:
            rest = self._weights[:, :, QUAD * self.quads :]
            found["rest"] = np.ascontiguousarray(rest.transpose(1, 0, 2))
        return found

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """The stream and the rescaling, whose bias takes back what joined weights add."""
        constants = {**self.row_weights, **self.requantizer.constants}
        if self.joined and self.quads:
            added = sum(added_to_sums(row)[: self.outputs] for row in self._fours)
            bias = constants["bias"].astype(np.int64) - added
            constants["bias"] = bias.astype(np.uint64).astype(np.uint32).view(np.int32)
        return constants

    def row_function(self, dynamic: bool = False) -> PrimFunc:
        """Return the function that adds one row; see :class:`RowReduction`."""
        called: Functions = {}
        if self.quads:
            function = dot_sums(self._tile)
            called[function.name] = function
        return with_functions(super().row_function(dynamic), called.values())

    @property
    def _tile(self) -> DotLoop:
        return DotLoop(1, int(self.config["group"]), direct=True, **loop_of(self, self.config))

    def emit(self, buffers: dict[str, Buffer], row: Expr) -> None:
        """Emit the adding of a row."""
        data, state = buffers["in0_row0"], buffers["state"]
        if self.quads:
            words, tile = self.sums * self.quads, self._tile
            T.evaluate(
                call(
                    "int32",
                    dot_sums(tile).name,
                    T.address_of(buffers["stream"][row * words]),
                    T.address_of(data[0]),
                    T.address_of(state[0]),
                    T.address_of(buffers["stream"][(row + 1) * words]),
                    *tile.loop_numbers(self.quads),
                )
            )
        rest = self.inputs % QUAD
        if rest:
            values = [bind("value", int32_at(data, QUAD * self.quads + k)) for k in range(rest)]
            with loop("output", 0, self.outputs) as o:
                first = bind("first", (row * self.outputs + o) * rest)
                total = sum(
                    (int32_at(buffers["rest"], first + k) * v for k, v in enumerate(values)), T.int32(0)
                )
                accumulate(state, o, bind("total", total), wraps=True)
