"""What is said of every operator of TFLite that can be compiled: one record, one table of them.

The reader, the writer, the checks, the rewrite into canonical form and the conversion to Relax all ask this table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

import numpy as np

from tvm_patch.tflite.model import Operator, Tensor
from tvm_patch.tflite.rewriter import Rewriter
from tvm_patch.tflite.rules import int8_throughout, largest_scale, type_kept
from tvm_patch.tflite.schema import OptionsTable
from tvm_patch.tflite.use import Role, Shape, Use

_MANY = 1 << 16


class Grids(Enum):
    """How scales and zero points of an operator's data and outputs must agree."""

    FREE = "each its own"
    ONE = "one for all"
    """The kernels copy or compare integers: LiteRT wants one scale and zero point throughout, or ignores the
    difference."""
    ONE_BEFORE_REWRITING = "one for all, looked at in the file"
    """As ONE; the rewrite may leave a RESHAPE, which would copy whatever the scales say."""


@dataclass(frozen=True)
class TfliteOperator:
    """One kind of operator.

    Attributes
    ----------
    kind : str
        TFLite's name.
    inputs : tuple of Role
        Of each input; the last role is that of all further ones when `variadic`.
    shape : callable
        The shapes of its outputs, from inputs and options alone.  What a file says of an output is only a claim.  It
        refuses what LiteRT's ``Prepare`` refuses: everything behind it may rely on what it lets through.
    options : OptionsTable or None
        The schema's table of its options.
    version : int
        Version to write for an int8 operator, so that LiteRT picks the kernel that takes int8.
    required : bool
        Whether the operator means nothing without its options.
    optional : int
        How many of the last inputs may be absent.
    variadic : bool
    outputs : int
        How many; 0 where the option ``num_splits`` says it.
    moves : bool
        Whether it only moves data: then data may be of any type.
    foreign : bool
        Whether it may stand on float32 and uint8 tensors, at the border of the network.
    picture : bool
        Whether its data must be one picture (NHWC, batch 1).
    grids : Grids
    bound : float or None
        Upper bound of the real value, where the operator is a clamp.
    types : callable
        Refuses element types that it is not compiled for.
    step : callable or None
        The largest real value that one step of an input adds to the output, where that is rescaled in fixed point.
    check : callable or None
        Refuses what is its alone; called on the canonical model.
    fold : callable or None
        Its output where that is known before the network runs, else None.
    rewrite : callable
        Emits it in the form that TVM's frontend always understands.
    convert : callable or None
        Makes its Relax expression (QDQ) from a :class:`tvm_patch.frontend.converter.Conversion`; None where TVM's own
        frontend does, or where the rewrite leaves other operators.
    """

    kind: str
    inputs: tuple[Role, ...]
    shape: Callable[[Use], Sequence[Shape]]
    options: OptionsTable | None = None
    version: int = 1
    required: bool = False
    optional: int = 0
    variadic: bool = False
    outputs: int = 1
    moves: bool = False
    foreign: bool = False
    picture: bool = False
    grids: Grids = Grids.FREE
    bound: float | None = None
    types: Callable[[Use], None] = int8_throughout
    step: Callable[[Use], float] | None = largest_scale
    check: Callable[[Use], None] | None = None
    fold: Callable[[Use], np.ndarray | None] | None = None
    rewrite: Callable[[Rewriter, Operator], None] = Rewriter.keep
    convert: Callable[[Any], Any] | None = None

    @property
    def arity(self) -> tuple[int, int]:
        """Least and greatest number of inputs."""
        return len(self.inputs) - self.optional, _MANY if self.variadic else len(self.inputs)

    @property
    def weighted(self) -> bool:
        """Whether it multiplies with weights."""
        return Role.WEIGHT in self.inputs

    def roles(self, count: int) -> tuple[Role, ...]:
        """Return the roles of so many inputs."""
        return (*self.inputs, *self.inputs[-1:] * (count - len(self.inputs)))[:count]


movement = partial(TfliteOperator, moves=True, foreign=True, types=type_kept, step=None)
"""The record of an operator that only moves data."""

OPERATORS: dict[str, TfliteOperator] = {}
"""Every operator that can be compiled, by TFLite's name."""


def register(*operators: TfliteOperator) -> None:
    """Add operators to the table."""
    for operator in operators:
        OPERATORS[operator.kind] = operator


def use_of(op: Operator, tensors: Sequence[Tensor]) -> Use:
    """Return an operator of a kind in the table with its tensors, out of all of its network."""
    inputs = tuple(tensors[i] if i >= 0 else None for i in op.inputs)
    roles = OPERATORS[op.kind].roles(len(op.inputs))
    return Use(op, roles, inputs, tuple(tensors[i] for i in op.outputs))
