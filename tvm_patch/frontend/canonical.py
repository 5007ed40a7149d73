"""Model → model in the form that TVM's frontend always understands.

Constant chains are folded, operators that only rename dimensions become RESHAPE, axes are not negative, masks are
resolved, FULLY_CONNECTED reads two dimensions, optional inputs that are absent are dropped, constants that are
equal are one, and every tensor has a unique name that is a C identifier.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from tvm_patch.frontend.agreement import check_agreement
from tvm_patch.frontend.names import UniqueNames, sanitise
from tvm_patch.tflite.model import Model, Operator, Quantization, Tensor
from tvm_patch.tflite.operators import OPERATORS, use_of
from tvm_patch.tflite.rewriter import Rewriter
from tvm_patch.tflite.use import Role, Use


@dataclass(frozen=True)
class Canonical:
    """A rewritten model.

    Attributes
    ----------
    model : Model
        Its operators keep the index that their origin has in the file, for messages.
    sources : mapping of str to int
        Index in the original model of every tensor that was there, by its new name.
    """

    model: Model
    sources: dict[str, int]


def canonicalize(model: Model) -> Canonical:
    """Return `model` in canonical form; what it computes does not change."""
    return _Canonicalizer(model).run()


def _evaluate(use: Use) -> np.ndarray | None:
    """Return the value that an operator always makes, or None when it depends on the network's input.

    Chains of such operators stand before a RESHAPE: SHAPE → STRIDED_SLICE → PACK.
    """
    fold = OPERATORS[use.op.kind].fold
    value = fold(use) if fold is not None else None
    shape = use.outputs[0].shape
    return value.reshape(shape) if value is not None and value.size == prod(shape) else None


class _Canonicalizer(Rewriter):
    def __init__(self, model: Model) -> None:
        super().__init__(model.tensors)
        self.model = model
        self.outputs = list(model.outputs)
        self.copies: dict[int, int] = {}

    def run(self) -> Canonical:
        for op in self.model.operators:
            use = use_of(op, self.tensors)
            check_agreement(use)
            if len(op.outputs) == 1 and op.outputs[0] not in self.model.outputs:
                value = _evaluate(use)
                if value is not None:
                    self.tensors[op.outputs[0]] = replace(use.outputs[0], data=np.asarray(value, order="C"))
                    continue
            OPERATORS[op.kind].rewrite(self, op)
        self._own_outputs()
        self._drop_dead()
        return self._compact()

    def _own_outputs(self) -> None:
        """Make every output a tensor of its own: those that are inputs, or outputs already, are copied."""
        taken = set(self.model.inputs)
        for position, index in enumerate(self.outputs):
            if index in taken:
                tensor = self.tensors[index]
                copy = self.add(replace(tensor, name=f"{tensor.name}_copy"))
                self.copies[copy] = index
                self.reshape(Operator("RESHAPE", (), (), {}, len(self.model.operators)), index, copy)
                self.outputs[position] = copy
            taken.add(index)

    def _drop_dead(self) -> None:
        needed = set(self.outputs)
        kept = []
        for op in reversed(self.operators):
            if needed.intersection(op.outputs):
                needed.update(i for i in op.inputs if i >= 0)
                kept.append(op)
        self.operators = kept[::-1]

    def _compact(self) -> Canonical:
        """Keep the tensors in use, merge equal constants, name everything."""
        order = list(self.model.inputs)
        for op in self.operators:
            order += [i for i in (*op.inputs, *op.outputs) if i >= 0]
        order += self.outputs
        biases = {
            index
            for op in self.operators
            for index, role in zip(op.inputs, OPERATORS[op.kind].roles(len(op.inputs)), strict=True)
            if role is Role.BIAS
        }
        names, places, merged = UniqueNames(), dict[int, int](), dict[Any, int]()
        tensors: list[Tensor] = []
        sources: dict[str, int] = {}
        for index in dict.fromkeys(order):
            tensor = self.tensors[index]
            key = _content(tensor)
            if key is not None and key in merged:
                places[index] = merged[key]
                continue
            name = names.take(sanitise(tensor.name))
            places[index] = len(tensors)
            if key is not None:
                merged[key] = len(tensors)
            if index < len(self.model.tensors) or index in self.copies:
                sources[name] = self.copies.get(index, index)
            grid = _meaning(tensor, index in biases)
            tensors.append(replace(tensor, name=name, shape_signature=None, quantization=grid))
        operators = tuple(
            replace(
                op,
                inputs=tuple(places[i] if i >= 0 else -1 for i in op.inputs),
                outputs=tuple(places[i] for i in op.outputs),
            )
            for op in self.operators
        )
        model = replace(
            self.model,
            tensors=tuple(tensors),
            operators=operators,
            inputs=tuple(places[i] for i in self.model.inputs),
            outputs=tuple(places[i] for i in self.outputs),
        )
        return Canonical(model, sources)


def _meaning(tensor: Tensor, bias: bool) -> Quantization | None:
    """Return what matters of a tensor's quantization: some files have numbers where none are read."""
    q = tensor.quantization
    if q is None or (tensor.dtype in ("int32", "int64") and not bias):
        return None
    return q if q.per_channel else replace(q, axis=0)


def _content(tensor: Tensor) -> Any:
    """Return what makes two constants one, or None for activations."""
    if tensor.data is None:
        return None
    q = tensor.quantization
    grid = (q.scale.tobytes(), q.zero_point.tobytes(), q.axis) if q is not None else None
    return tensor.dtype, tensor.shape, tensor.data.tobytes(), grid
