"""What the numpy specification says the outputs of a network are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from relay_passes.dialect import evaluate
from tvm_patch.driver.front import Legalized


def specified(legalized: Legalized, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the outputs for one set of inputs, operator by operator."""
    graph = legalized.graph
    values = {t.name: x for t, x in zip(graph.inputs, inputs, strict=True)}
    for op in graph.operators:
        made = evaluate(op, [values[name] for name in op.input_names])
        values.update(zip(op.output_names, made, strict=True))
    return [values[t.name] for t in graph.outputs]
