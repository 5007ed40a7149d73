"""Whether an operator's tensors agree with each other: element types, shapes and scales.

Checked on every operator before anything is rewritten or folded, so that all later code may take a network at its
word.
"""

from __future__ import annotations

from tvm_patch.frontend.scale_rules import check_scales
from tvm_patch.tflite.model import quoted
from tvm_patch.tflite.operators import OPERATORS, Grids
from tvm_patch.tflite.rules import EIGHT_BITS, grid
from tvm_patch.tflite.use import RECONVERT, Use


def check_agreement(use: Use) -> None:
    """Raise UnsupportedError unless types and shapes of an operator's tensors fit together.

    Parameters
    ----------
    use : Use
        An operator of a kind that can be compiled.
    """
    facts = OPERATORS[use.op.kind]
    facts.types(use)
    if facts.grids is Grids.ONE_BEFORE_REWRITING:
        _check_grids(use)
    shapes = facts.shape(use)
    for tensor, shape in zip(use.outputs, shapes, strict=True):
        if tensor.shape != shape:
            raise use.refuse(
                f"tensor {quoted(tensor.name)} has shape {list(tensor.shape)}, the operator makes {list(shape)}",
                RECONVERT,
            )
    check_scales(use)


def _check_grids(use: Use) -> None:
    first, output = use.data[0], use.outputs[0]
    if first.dtype in EIGHT_BITS and grid(first) != grid(output):
        raise use.refuse(
            f"tensors {quoted(first.name)} and {quoted(output.name)} have different scales or zero points"
        )
