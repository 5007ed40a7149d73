"""FULLY_CONNECTED as dot products over widened inputs."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from tvm_patch.graph import Operator
from tvm_patch.integer.fit_steps import fit_steps
from tvm_patch.integer.line import LineRequantizer, fit_line
from tvm_patch.integer.staircase import staircase_of_doubles
from tvm_patch.integer.step_requantize import StepRequantizer
from tvm_patch.kernels.base import Kernel, Preference
from tvm_patch.kernels.c.arm.function import Functions, with_functions
from tvm_patch.kernels.c.arm.rescaling import Rescaling
from tvm_patch.kernels.c.dot_calls import call_dot, store_rest, widen_run
from tvm_patch.kernels.c.effort import dot_effort
from tvm_patch.kernels.c.stream import QUAD, DotStream
from tvm_patch.kernels.c.unrolled import dot_of, rescaling_traits, unrolls, with_unroll
from tvm_patch.kernels.fully_connected import FullyConnected
from tvm_patch.kernels.loops import kernel_body, parameters_of
from tvm_patch.kernels.named import loop
from tvm_patch.kernels.registry import register
from tvm_patch.kernels.requantize_exact import ExactRequantizer
from tvm_patch.targets import Target
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr, PrimFunc

_MANTISSA = 53 - 31


def steps_of(requantizer: ExactRequantizer) -> StepRequantizer | None:
    """Return the two-instruction rescaling, or None where it has none."""
    return _fit(*_numbers(requantizer)) if _usual(requantizer) else None


def line_of(requantizer: ExactRequantizer) -> LineRequantizer | None:
    """Return the line that rescales sums of joined weights, or None where there is none."""
    return _fit_line(*_numbers(requantizer)) if _usual(requantizer) else None


def _usual(requantizer: ExactRequantizer) -> bool:
    return not requantizer.wraps and not (requantizer.shift > 0).any()


def _numbers(requantizer: ExactRequantizer) -> tuple[Any, ...]:
    bias, shift = requantizer.bias.astype(np.int64), requantizer.shift.astype(np.int64)
    numbers = (bias, requantizer.multiplier, shift, requantizer.low, requantizer.high)
    act = (requantizer.act_min, requantizer.act_max)
    return (requantizer.zero_point, act, *(n.tobytes() for n in numbers))


@lru_cache(maxsize=256)
def _fit(zero_point: int, act: tuple[int, int], *numbers: bytes) -> StepRequantizer | None:
    bias, m, s, lowest, highest = (np.frombuffer(n, np.int64) for n in numbers)
    stairs = staircase_of_doubles(m, s, zero_point, act, lowest, highest)
    return None if stairs is None else fit_steps(stairs, bias, _slope(m), s, zero_point, twice=False)


@lru_cache(maxsize=256)
def _fit_line(zero_point: int, act: tuple[int, int], *numbers: bytes) -> LineRequantizer | None:
    bias, m, s, lowest, highest = (np.frombuffer(n, np.int64) for n in numbers)
    stairs = staircase_of_doubles(m, s, zero_point, act, lowest, highest)
    return None if stairs is None else fit_line(stairs, bias, _slope(m), s)


def _slope(mantissa: np.ndarray) -> np.ndarray:
    """Return the 31 bits of a double's mantissa that a multiplier has."""
    rounded: np.ndarray = np.minimum((mantissa + (1 << (_MANTISSA - 1))) >> _MANTISSA, (1 << 31) - 1)
    return rounded


@register
class DotFullyConnected(FullyConnected):
    """One batch row after the other, four outputs at a time, its inputs widened before or on the way.

    Parameters of `config`: ``group`` outputs at a time, ``unroll`` steps of four inputs an iteration, ``direct`` reads
    the inputs as they are, ``dual`` is for a core that issues two instructions a cycle.
    """

    isa = "c"
    rank = 1

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take what the two-instruction rescaling covers, with two outputs or more."""
        if not super().accepts(op) or op.constants["weight"].shape[0] < 2:
            return False
        return steps_of(FullyConnected(op).requantizer) is not None

    @classmethod
    def default_config(cls, op: Operator) -> dict[str, Any]:
        """Return groups of four where there are four outputs, and no scratch for whole fours of inputs."""
        outputs, inputs = op.constants["weight"].shape
        return {"group": 4 if outputs >= 4 else 2, "unroll": 8, "direct": inputs % QUAD == 0, "dual": False}

    @classmethod
    def config_for(cls, op: Operator, target: Target) -> dict[str, Any]:
        """Return loops for two instructions a cycle where the core issues two."""
        return {"dual": target.issues == 2}

    def within(self, scratch: int) -> Kernel:
        """Return the kernel that widens its inputs once, where that takes no more memory than the tensors do."""
        wider = type(self)(self.op, {**self.config, "direct": False})
        return wider if self.config["direct"] and wider.scratch_bytes <= self.room(scratch) else self

    def room(self, scratch: int) -> int:
        """Return no more than the tensors take."""
        return min(scratch, self.op.inputs[0].nbytes + self.op.outputs[0].nbytes)

    def candidates(self) -> list[dict[str, Any]]:
        """Return all groups, read directly or not."""
        outputs, inputs = self.op.constants["weight"].shape
        ways = (False, True) if inputs % QUAD == 0 else (False,)
        groups = (2, 4) if outputs >= 4 else (2,)
        return [
            {"group": group, "unroll": unroll, "direct": direct, "dual": dual}
            for group in groups
            for unroll in unrolls(self.stream)
            for direct in ways
            for dual in (False, True)
        ]

    def preferring(self, preference: Preference) -> Kernel:
        """Return the kernel with another unrolling."""
        return with_unroll(self, preference)

    @property
    def traits(self) -> dict[str, Any]:
        """Those of the rescaling."""
        return rescaling_traits(self.rescaling)

    @cached_property
    def stream(self) -> DotStream:
        """Weights in the order of the loop."""
        weight = self.op.constants["weight"]
        padded = np.pad(weight, ((0, 0), (0, -weight.shape[1] % QUAD)))
        steps = steps_of(self.requantizer)
        assert steps is not None
        dual = bool(self.config["dual"])
        line = None if dual else line_of(self.requantizer)
        return DotStream(padded, steps, self.config["group"], dual, line)

    @property
    def rescaling(self) -> Rescaling:
        """What all outputs share of it."""
        return self.stream.rescaling((self.requantizer.act_min, self.requantizer.act_max))

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """The stream."""
        return {"stream": self.stream.words}

    @property
    def scratch_bytes(self) -> int:
        """One widened batch row."""
        return 0 if self.config["direct"] else 2 * QUAD * self.stream.quads

    @property
    def effort(self) -> float:
        """Of all batch rows; see :class:`Kernel`."""
        stream, widens = self.stream, not self.config["direct"]
        outputs, inputs = self.op.constants["weight"].shape
        tile = dot_of(stream, self.rescaling, self.config, 1)
        one = dot_effort(tile, stream.quads, -(-outputs // stream.group), stream.quads * widens)
        return float(self.op.inputs[0].size // inputs * one)

    def function(self) -> PrimFunc:
        """Return the function; see :class:`TensorKernel`."""
        inputs = self.op.constants["weight"].shape[1]
        batch = self.op.inputs[0].size // inputs
        called: Functions = {}
        with kernel_body(parameters_of(self)) as (builder, buffers), loop("row", 0, batch) as row:
            self._emit_row(buffers, row, called)
        return with_functions(builder.get(), called.values())

    def _emit_row(self, buffers: dict[str, Buffer], row: Expr, called: Functions) -> None:
        """Emit one batch row."""
        outputs, inputs = self.op.constants["weight"].shape
        data, start, whole = buffers["in0"], row * inputs, inputs // QUAD
        at = T.address_of(data[start])
        if not self.config["direct"]:
            scratch = buffers["scratch"]
            form = {"dual": bool(self.config["dual"]), "joined": self.stream.joined}
            widen_run(called, data, start, scratch, 0, pixels=1, quads=whole, step=0, **form)
            rest = [(data, start + i) for i in range(whole * QUAD, inputs)]
            joined = self.stream.joined
            store_rest(rest, scratch, first=whole, pixels=1, pixel=0, step=0, joined=joined)
            at = T.address_of(scratch[0])
        tile = dot_of(self.stream, self.rescaling, self.config, 1)
        call_dot(called, tile, self.stream, buffers["stream"], at, buffers["out0"], row * outputs)
