"""Inverted residual blocks of a model: expand, convolve depthwise, project, add what came in."""

from __future__ import annotations

from dataclasses import dataclass

from tvm_patch.redistribution.wiring import Wiring
from tvm_patch.tflite.model import Model, Operator

CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")


@dataclass(frozen=True)
class ResidualBlock:
    """One block, by the names of its tensors.

    Attributes
    ----------
    input, output : str
        What it reads and what its addition makes.
    tensors : tuple of str
        What it makes, in run order, the output last.
    depthwise : str
        What its depthwise convolution makes.
    project : str
        The summand that it computes.
    shape : tuple of int
        Of input and output.
    """

    input: str
    output: str
    tensors: tuple[str, ...]
    depthwise: str
    project: str
    shape: tuple[int, ...]


def residual_blocks(model: Model) -> tuple[ResidualBlock, ...]:
    """Return the inverted residual blocks with a skip, in run order.

    Parameters
    ----------
    model : Model
        Its tensors have names of their own, as :attr:`tvm_patch.frontend.Imported.canonical` has.
    """
    wiring = Wiring(model)
    found = (_block(wiring, op) for op in model.operators if op.kind == "ADD")
    return tuple(block for block in found if block is not None)


def _block(wiring: Wiring, addition: Operator) -> ResidualBlock | None:
    tensors, sources, output = wiring.model.tensors, wiring.read_by(addition), addition.outputs[0]
    # A sum that broadcasts is no skip.
    if len(sources) != 2 or any(tensors[s].shape != tensors[output].shape for s in sources):
        return None
    for skip, branch in (sources, sources[::-1]):
        inner = _between(wiring, skip, branch, output)
        if inner is None or inner[-1].kind not in CONVOLUTIONS:
            continue
        windows = [op for op in inner if op.kind == "DEPTHWISE_CONV_2D"]
        if len(windows) == 1:
            return ResidualBlock(
                tensors[skip].name,
                tensors[output].name,
                tuple(tensors[i].name for op in (*inner, addition) for i in op.outputs),
                tensors[windows[0].outputs[0]].name,
                tensors[branch].name,
                tensors[output].shape,
            )
    return None


def _between(wiring: Wiring, start: int, end: int, output: int) -> list[Operator] | None:
    """Return the operators from `start` to `end` when nothing else goes in or out between them, or None."""
    inside, queue = {end}, [end]
    while queue:
        sources = wiring.sources(queue.pop())
        if not sources:
            return None
        for source in sources:
            if source != start and source not in inside:
                inside.add(source)
                queue.append(source)
    whole = inside | {output}
    if any(t in wiring.model.outputs or not whole.issuperset(wiring.made_from(t)) for t in inside):
        return None
    return [op for op in wiring.model.operators if inside.intersection(op.outputs)]
