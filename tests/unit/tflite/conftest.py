"""What the tests of TFLite reading and writing share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest


@pytest.fixture(scope="session")
def run_litert() -> Callable[..., list[np.ndarray]]:
    """Return a function that runs a model file in LiteRT's reference kernels on seeded random input."""
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")

    def run(content: bytes, seed: int = 0) -> list[np.ndarray]:
        network = interpreter.Interpreter(
            model_content=content, experimental_op_resolver_type=interpreter.OpResolverType.BUILTIN_REF
        )
        network.allocate_tensors()
        rng = np.random.default_rng(seed)
        for detail in network.get_input_details():
            dtype, shape = np.dtype(detail["dtype"]), detail["shape"]
            if dtype.kind == "f":
                value = rng.standard_normal(shape).astype(dtype)
            else:
                limits = np.iinfo(dtype)
                value = rng.integers(limits.min, int(limits.max) + 1, shape).astype(dtype)
            network.set_tensor(detail["index"], value)
        network.invoke()
        return [network.get_tensor(detail["index"]) for detail in network.get_output_details()]

    return run
