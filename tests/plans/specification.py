"""What the numpy specification says the outputs of a network are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tvm_patch.driver.front import Legalized
from tvm_patch.integer.reference import evaluate


def specified(legalized: Legalized, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the outputs for one set of inputs, operator by operator."""
    graph = legalized.graph
    values = dict(zip(graph.inputs, inputs, strict=True))
    for bound in graph.ops:
        made = evaluate(bound.op, [values[name] for name in bound.inputs])
        values.update(zip(bound.outputs, made, strict=True))
    return [values[name] for name in graph.outputs]
