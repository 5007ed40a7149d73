"""DEPTHWISE_CONV_2D straight from the rows, for kernels of up to three columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from tvm_patch.graph import Operator
from tvm_patch.integer.fit_groups import GroupSteps
from tvm_patch.integer.step_requantize import StepRequantizer
from tvm_patch.kernels.c.arm.direct_taps import LANES, DirectTaps, direct_taps, row_cycles
from tvm_patch.kernels.c.arm.function import Functions, with_functions
from tvm_patch.kernels.c.arm.rescaling import Rescaling
from tvm_patch.kernels.c.convolution_steps import group_steps_of, the_group_steps_of
from tvm_patch.kernels.c.stream import rescaling_words, words_of
from tvm_patch.kernels.c.unrolled import rescaling_traits
from tvm_patch.kernels.depthwise_conv2d import DepthwiseConv2d
from tvm_patch.kernels.ir import call, row_body
from tvm_patch.kernels.registry import register
from tvm_patch.targets import Target
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr, PrimFunc

_MOST_COLUMNS = 3
"""Wider kernels do better with two multiplications an instruction (:mod:`tvm_patch.kernels.c.depthwise_paired`)."""
_MOST_OUTPUTS_SHARED = 6
"""Outputs of a row at stride 1 beyond which one instruction a cycle does better with rearranged columns."""
_MOST_TAPS = 16
"""The code has no loop over them."""


@register
class DirectDepthwise(DepthwiseConv2d):
    """One output row, four channels of one or two outputs at a time; needs no scratch.

    See :mod:`tvm_patch.kernels.c.arm.direct_taps`.

    Parameters of `config`: ``outputs`` of a tile, ``held`` for weights that are widened once a row, ``dual`` for a core
    that issues two instructions a cycle.
    """

    isa = "c"
    rank = 3

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take four channels or more without multiplier, up to three columns, two-instruction rescaling."""
        _, kernel_h, kernel_w, channels = op.constants["weight"].shape
        if not super().accepts(op) or op.inputs[0].shape[3] != channels or channels < LANES:
            return False
        if kernel_w > _MOST_COLUMNS or kernel_h * kernel_w > _MOST_TAPS:
            return False
        steps = group_steps_of(DepthwiseConv2d(op).requantizer, LANES)
        outputs = min(2, op.outputs[0].shape[2])
        return steps is not None and all(_taps(op, form, outputs).fits for form in steps.forms)

    @classmethod
    def suits(cls, op: Operator, target: Target) -> bool:
        """Take everything for two instructions a cycle; for one, what pairs of rows do worse by the core's model.

        Rearranged columns pay where many neighbouring outputs share them: at stride 1 in wide rows.  Odd rows need more
        code than the kilobyte of instruction cache of an STM32L4 or F4 has room for.
        """
        _, _, columns, _ = op.constants["weight"].shape
        width = op.outputs[0].shape[2]
        if target.issues == 2 or columns < _MOST_COLUMNS or int(op.attrs["strides"][1]) > 1:
            return True
        return width <= columns or (width <= _MOST_OUTPUTS_SHARED and width % 2 == 0)

    @classmethod
    def default_config(cls, op: Operator) -> dict[str, Any]:
        """Return the fastest code for one instruction a cycle."""
        return _fastest(op, dual=False)

    @classmethod
    def config_for(cls, op: Operator, target: Target) -> dict[str, Any]:
        """Return code for two instructions a cycle where the core issues two."""
        return _fastest(op, dual=target.issues == 2)

    def candidates(self) -> list[dict[str, Any]]:
        """Return tiles of one output and of two, with weights widened once and widened again."""
        return [
            {"outputs": outputs, "held": held, "dual": dual}
            for outputs, held in _choices(self.op)
            for dual in (False, True)
        ]

    @property
    def traits(self) -> dict[str, Any]:
        """Those of the rescaling."""
        return rescaling_traits(rescaling_of(self.op, self.steps.usual))

    @cached_property
    def steps(self) -> GroupSteps:
        """Rescaling of four channels at a time."""
        return the_group_steps_of(self.requantizer, LANES)

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """Per four channels the weights, tap by tap, and their rescaling; the last four overlap those before."""
        return {"stream": self._stream}

    @cached_property
    def _stream(self) -> np.ndarray:
        weight = self.op.constants["weight"][0]
        weight = weight.reshape(-1, weight.shape[2])
        parts = []
        for some, form in self.steps.groups():
            live = np.where(form.idle[some], 0, weight[:, some])
            parts += [self._words(live), rescaling_words(form)[some].ravel()]
        return np.concatenate(parts)

    def _words(self, weight: np.ndarray) -> np.ndarray:
        """Return the words of four channels' weights, shape (taps, 4)."""
        return words_of(weight).ravel()

    def _numbers(self, steps: StepRequantizer, *, any_width: bool = False) -> DirectTaps:
        """Return the numbers of the inner function, for the row's width or any."""
        taps = _taps(self.op, steps, **self.config)
        return replace(taps, odd=taps.outputs == 2) if any_width else taps

    def row_function(self, dynamic: bool = False) -> PrimFunc:
        """Return the row function; see :class:`RowKernel`."""
        called: Functions = {}
        with row_body(self, dynamic) as (builder, buffers, columns):
            self._row(buffers, called, columns)
        return with_functions(builder.get(), called.values())

    def _row(self, buffers: dict[str, Buffer], called: Functions, columns: Expr | None) -> None:
        """Emit the calls that make a row."""
        width = self.op.outputs[0].shape[2]
        for group, groups, form in self._runs():
            taps = self._numbers(form, any_width=columns is not None)
            function = direct_taps(taps)
            called[function.name] = function
            channel = self.steps.channels(group).start
            stream = T.address_of(buffers["stream"][group * taps.group_words])
            rows = [T.address_of(buffers[f"in0_row{r}"][channel]) for r in range(taps.rows)]
            out = T.address_of(buffers["out"][channel])
            outputs = T.int32(width) if columns is None else columns
            T.evaluate(call("int32", function.name, stream, out, groups, outputs, *rows))

    def _runs(self) -> Iterator[tuple[int, int, StepRequantizer]]:
        """Yield neighbouring groups that one call makes: the first, how many, and their form."""
        whole = self.op.outputs[0].shape[3] // LANES
        for group, groups, form in self.steps.runs():
            inside = min(groups, whole - group)
            if inside:
                yield group, inside, form
            # The last group overlaps the one before.
            if inside < groups:
                yield whole, 1, form


def rescaling_of(op: Operator, steps: StepRequantizer) -> Rescaling:
    """Return what the channels of one form share."""
    return Rescaling.of(steps, (int(op.attrs["act_min"]), int(op.attrs["act_max"])))


def _taps(
    op: Operator, steps: StepRequantizer, outputs: int, held: bool = False, dual: bool = False
) -> DirectTaps:
    _, rows, columns, channels = op.constants["weight"].shape
    return DirectTaps(
        rows=rows,
        columns=columns,
        stride=int(op.attrs["strides"][1]),
        dilation=int(op.attrs["dilation"][1]),
        channels=channels,
        outputs=outputs,
        odd=op.outputs[0].shape[2] % outputs > 0,
        held=held,
        rescaling=rescaling_of(op, steps),
        dual=dual,
    )


def _fastest(op: Operator, *, dual: bool) -> dict[str, Any]:
    """Return the tile and the place of the weights that take the fewest cycles for a row."""
    width, steps = op.outputs[0].shape[2], the_group_steps_of(DepthwiseConv2d(op).requantizer, LANES).usual
    costs = {c: row_cycles(_taps(op, steps, *c, dual), width) for c in _choices(op)}
    outputs, held = min(costs, key=lambda choice: costs[choice])
    return {"outputs": outputs, "held": held, "dual": dual}


def _choices(op: Operator) -> list[tuple[int, bool]]:
    """Return numbers of outputs of a tile, and whether weights are held: a single tile has nothing to hold them for."""
    width = op.outputs[0].shape[2]
    return [(n, held) for n in range(1, min(2, width) + 1) for held in (False, True) if width > n or not held]
