"""Which of a network's inputs are fetched row by row."""

from __future__ import annotations

from tvm_patch.errors import PlanError
from tvm_patch.graph import Tensor
from tvm_patch.input_mode import INPUT_MODES, InputMode
from tvm_patch.planner.network import Network, OperatorDesc
from tvm_patch.planner.row_window import RowWindow

_WAY_OUT = "plan with --input-mode resident"


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
        tensor, readers = network.tensors[name], network.consumers(name)
        where = f"input {name} cannot be {mode}: "
        if name in network.outputs:
            raise PlanError(f"{where}it is an output too; {_WAY_OUT}")
        if tensor.dtype not in ("int8", "uint8"):
            raise PlanError(f"{where}it is {tensor.dtype}, and rows that are fetched are bytes; {_WAY_OUT}")
        whole = next((op for op in readers if not _reads_rows(op, tensor)), None)
        if whole is not None:
            needs = _named(_behind_copies(network, whole))
            raise PlanError(f"{where}{needs} needs it whole{_why(whole, tensor)}")
        if not _has_rows(tensor):
            raise PlanError(f"{where}its shape {list(tensor.shape)} has no rows; {_WAY_OUT}")
        first = next((op for op in readers if not op.rows), None)
        if mode == "streamed" and first is not None and len(readers) > 1:
            again = _named(next(op for op in readers if op is not first))
            raise PlanError(
                f"{where}{_named(first)} needs all of its rows, which {again} needs again; "
                "use --input-mode rereadable"
            )
    return frozenset(network.inputs)


def _named(op: OperatorDesc) -> str:
    return f"operator {op.index} ({op.kind} {op.name})"


def _behind_copies(network: Network, op: OperatorDesc) -> OperatorDesc:
    """Return the first operator that reads what an operator reads, not as a mere copy."""
    while op.is_copy and network.consumers(op.outputs[0]):
        op = network.consumers(op.outputs[0])[0]
    return op


def _has_rows(tensor: Tensor) -> bool:
    return len(tensor.shape) == 4 and tensor.shape[0] == 1


def _reads_rows(op: OperatorDesc, tensor: Tensor) -> bool:
    # A reduction reads one row after the other.
    windows = op.rows or (RowWindow(),) * bool(op.state_bytes)
    uses = [w for t, w in zip(op.inputs, windows, strict=bool(windows)) if t == tensor.name]
    return _has_rows(tensor) and bool(uses) and all(w.stride for w in uses)


def _why(op: OperatorDesc, tensor: Tensor) -> str:
    """Return why an operator needs a tensor whole, and the way out."""
    if not _has_rows(tensor):
        return (
            f", for {list(tensor.shape)} has no rows: "
            f"export the network with an input of shape (1, height, width, channels), or {_WAY_OUT}"
        )
    if op.kind == "permute_dims":
        return f"; export the network with channels last, or {_WAY_OUT}"
    return f"; {_WAY_OUT}"
