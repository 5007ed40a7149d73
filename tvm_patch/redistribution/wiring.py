"""Who makes and who reads the tensors of a TFLite model."""

from __future__ import annotations

from dataclasses import replace

from tvm_patch.tflite.model import Model, Operator


class Wiring:
    """What is looked up about a model again and again.

    Parameters
    ----------
    model : Model
        Its tensors have names of their own, as :attr:`tvm_patch.frontend.Imported.canonical` has.

    Attributes
    ----------
    named : dict of str to int
        Tensors that are no constants, by name.
    producers : dict of int to Operator
        The operator that makes a tensor; inputs and constants have none.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.named = {t.name: i for i, t in enumerate(model.tensors) if not t.is_constant}
        self.producers = {i: op for op in model.operators for i in op.outputs}

    def read_by(self, op: Operator) -> tuple[int, ...]:
        """Return the tensors that `op` reads and that are no constants, each once."""
        return tuple(dict.fromkeys(i for i in op.inputs if i >= 0 and not self.model.tensors[i].is_constant))

    def sources(self, tensor: int) -> tuple[int, ...]:
        """Return what the operator that makes `tensor` reads; none for an input."""
        return self.read_by(self.producers[tensor]) if tensor in self.producers else ()

    def made_from(self, tensor: int) -> frozenset[int]:
        """Return the tensors that the readers of `tensor` make."""
        return frozenset(i for op in self.model.operators if tensor in op.inputs for i in op.outputs)


def pruned(model: Model) -> Model:
    """Return `model` without operators and tensors that no output needs; inputs stay."""
    needed, kept = set(model.outputs), list[Operator]()
    for op in reversed(model.operators):
        if needed.intersection(op.outputs):
            needed.update(i for i in (*op.inputs, *op.outputs) if i >= 0)
            kept.append(op)
    needed.update(model.inputs)
    places = {-1: -1} | {old: new for new, old in enumerate(sorted(needed))}

    def moved(indices: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(places[i] for i in indices)

    return replace(
        model,
        tensors=tuple(model.tensors[i] for i in sorted(needed)),
        operators=tuple(
            replace(op, inputs=moved(op.inputs), outputs=moved(op.outputs), index=index)
            for index, op in enumerate(reversed(kept))
        ),
        inputs=moved(model.inputs),
        outputs=moved(model.outputs),
    )
