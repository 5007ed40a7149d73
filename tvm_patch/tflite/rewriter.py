"""What an operator's rewrite into canonical form is written with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tvm_patch.tflite.model import Operator, Tensor


class Rewriter:
    """A network on its way to canonical form, operator by operator.

    Attributes
    ----------
    tensors : list of Tensor
        Those of the model first, so that an index means the same tensor in both; new ones behind them.
    operators : list of Operator
        Those that were emitted.
    """

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        self.tensors = list(tensors)
        self.operators: list[Operator] = []

    def emit(self, op: Operator) -> None:
        """Add an operator behind those before it."""
        self.operators.append(op)

    def keep(self, op: Operator) -> None:
        """Emit `op` as it is, without absent trailing inputs."""
        inputs = op.inputs
        while inputs and inputs[-1] < 0:
            inputs = inputs[:-1]
        self.emit(replace(op, inputs=inputs))

    def add(self, tensor: Tensor) -> int:
        """Add a tensor and return its index."""
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def ints(self, values: Sequence[int], name: str = "ints") -> int:
        """Add a constant vector of int32 and return its index."""
        data = np.array(values, np.int32)
        return self.add(Tensor(name, data.shape, "int32", data=data))

    def reshape(self, op: Operator, source: int, target: int) -> None:
        """Emit a RESHAPE from one tensor to another in the place of `op`."""
        after = self.tensors[target].shape
        shape = self.ints(after, "shape")
        options = {"new_shape": tuple(after)}
        self.emit(Operator("RESHAPE", (source, shape), (target,), options, op.index))

    def reshape_all(self, op: Operator) -> None:
        """Emit a RESHAPE for `op`, whose output's shape says all of what it does."""
        self.reshape(op, op.inputs[0], op.outputs[0])

    def rearrange(self, op: Operator, split: Sequence[int], order: Sequence[int]) -> None:
        """Emit RESHAPE, TRANSPOSE, RESHAPE for `op`: its input in other dimensions, those in another order."""
        data = self.tensors[op.inputs[0]]
        name = self.tensors[op.outputs[0]].name
        before = self.add(replace(data, name=f"{name}_split", shape=tuple(split), data=None))
        turned = tuple(split[k] for k in order)
        after = self.add(replace(data, name=f"{name}_turned", shape=turned, data=None))
        self.reshape(op, op.inputs[0], before)
        self.emit(Operator("TRANSPOSE", (before, self.ints(order, "order")), (after,), {}, op.index))
        self.reshape(op, after, op.outputs[0])

    def constant(self, op: Operator, position: int) -> np.ndarray:
        """Return the value of an input that must be known."""
        data = self.tensors[op.inputs[position]].data
        assert data is not None, "checked before anything is rewritten"
        return data
