"""The executable specification: an operator evaluated in numpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from relay_passes.dialect.movement import MOVES
from relay_passes.dialect.ops import OPS
from relay_passes.dialect.reference import Array, Operator


def evaluate(op: Operator, inputs: Sequence[Array]) -> list[Array]:
    """Return the outputs of one operator of the dialect, or of a stock one that moves data.

    Parameters
    ----------
    op : Operator
        Its outputs are read by ``reshape`` only.
    inputs : sequence of ndarray
        Activations in argument order, constants left out.

    Raises
    ------
    KeyError
        When the kind is unknown.
    ValueError
        When the number of inputs does not fit, or an accumulator leaves int32 (LiteRT's result is then
        undefined).
    """
    definition = OPS.get(op.kind) or MOVES[op.kind]
    activations = [np.asarray(x) for x in inputs]
    free = [a for a in definition.arguments if a not in op.constants]
    if definition.arguments == ("parts",):
        free = [f"part{i}" for i in range(len(activations))]
    if len(free) != len(activations):
        raise ValueError(f"{op.kind} takes {free} besides its constants, got {len(activations)} inputs")
    constants = {k: np.asarray(v) for k, v in op.constants.items()}
    result = definition.reference(op, {**constants, **dict(zip(free, activations, strict=True))})
    return result if isinstance(result, list) else [result]
