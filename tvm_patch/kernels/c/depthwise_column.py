"""DEPTHWISE_CONV_2D of one column where rows have one output, as networks for sound have them along time."""

from __future__ import annotations

from typing import Any

import numpy as np

from tvm_patch.graph import Operator
from tvm_patch.kernels.c.arm.column_taps import ColumnTaps, column_taps, column_words
from tvm_patch.kernels.c.arm.direct_taps import LANES
from tvm_patch.kernels.c.arm.function import Functions
from tvm_patch.kernels.c.depthwise_direct import DirectDepthwise, rescaling_of
from tvm_patch.kernels.ir import call
from tvm_patch.kernels.registry import register
from tvm_patch.targets import Target
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr


@register
class ColumnDepthwise(DirectDepthwise):
    """One output, four channels at a time, two rows in a product; needs no scratch.

    See :mod:`tvm_patch.kernels.c.arm.column_taps`.

    Parameter of `config`: ``dual`` for a core that issues two instructions a cycle.
    """

    rank = 4

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take what is read from the rows as they are, where kernel and output have one column."""
        return op.constants["weight"].shape[2] == op.outputs[0].shape[2] == 1 and super().accepts(op)

    @classmethod
    def default_config(cls, op: Operator) -> dict[str, Any]:
        """Return code for one instruction a cycle."""
        return {"dual": False}

    @classmethod
    def config_for(cls, op: Operator, target: Target) -> dict[str, Any]:
        """Return code for two instructions a cycle where the core issues two."""
        return {"dual": target.issues == 2}

    def candidates(self) -> list[dict[str, Any]]:
        """Return code for either core."""
        return [{"dual": dual} for dual in (False, True)]

    def _words(self, weight: np.ndarray) -> np.ndarray:
        return column_words(weight)

    def _row(self, buffers: dict[str, Buffer], called: Functions, columns: Expr | None) -> None:
        rows, dual = int(self.op.constants["weight"].shape[1]), bool(self.config["dual"])
        for group, groups, form in self._runs():
            taps = ColumnTaps(rows, rescaling_of(self.op, form), dual)
            function = column_taps(taps)
            called[function.name] = function
            channel, count = self.steps.channels(group).start, LANES * groups
            stream = T.address_of(buffers["stream"][group * taps.group_words])
            ends = [T.address_of(buffers[f"in0_row{r}"][channel + count]) for r in range(rows)]
            out = T.address_of(buffers["out"][channel])
            T.evaluate(call("int32", function.name, stream, out, -count, *ends))
