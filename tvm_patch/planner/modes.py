"""Which of a network's inputs are fetched row by row."""

from __future__ import annotations

from tvm_patch.errors import PlanError
from tvm_patch.input_mode import INPUT_MODES, InputMode
from tvm_patch.planner.network import Network


def fetched_inputs(network: Network, mode: InputMode) -> frozenset[str]:
    """Return the network inputs that are fetched row by row.

    Raises
    ------
    PlanError
        When an input cannot be: it is no picture, or an operator needs all of it at once; or the mode is none.
    """
    if mode not in INPUT_MODES:
        raise PlanError(f"input mode {mode!r} is unknown; use {', '.join(INPUT_MODES)}")
    if mode == "resident":
        return frozenset()
    for name in network.inputs:
        tensor = network.tensors[name]
        where = f"input {name} cannot be {mode}: "
        if len(tensor.shape) != 4 or tensor.shape[0] != 1 or tensor.dtype not in ("int8", "uint8"):
            raise PlanError(
                f"{where}its shape {tensor.shape} of {tensor.dtype} is not rows of bytes; "
                "plan with --input-mode resident"
            )
        if name in network.outputs:
            raise PlanError(f"{where}it is an output too; plan with --input-mode resident")
        for op in network.consumers(name):
            uses = [w for t, w in zip(op.inputs, op.rows, strict=bool(op.rows)) if t == name]
            if not uses or any(w.stride == 0 for w in uses):
                turns = op.kind == "permute_dims"
                raise PlanError(
                    f"{where}operator {op.index} ({op.kind} {op.name}) needs it whole; "
                    f"{'export the network with channels last, or ' if turns else ''}"
                    "plan with --input-mode resident"
                )
    return frozenset(network.inputs)
