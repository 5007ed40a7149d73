"""How many instructions operators take on a Cortex-M7: a linear model, good enough to rank plans by time.

An operator that runs row by row costs `CALL` for every call of its row kernel, `MAC` for every multiply-accumulate and
`ELEMENT` for every element that it writes.  Filling row buffers costs per row and per byte.  The numbers follow the
instruction counts of the DSP kernels on the emulated Cortex-M7; what is not in a table costs what :data:`OTHER` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from tvm_patch.planner.network import Network, OperatorDesc


@dataclass(frozen=True)
class Rate:
    """Instructions of one kind of operator.

    Attributes
    ----------
    call : float
        Per call of the row kernel.
    mac : float
        Per multiply-accumulate.
    element : float
        Per element written.
    """

    call: float
    mac: float
    element: float


POINTWISE = Rate(120.0, 1.05, 10.0)
"""Convolutions of one row and one column."""

RATES: dict[str, Rate] = {
    "conv2d": Rate(160.0, 1.35, 10.0),
    "depthwise_conv2d": Rate(120.0, 1.75, 9.0),
    "fully_connected": Rate(80.0, 1.3, 12.0),
    "transpose_conv2d": Rate(200.0, 2.5, 14.0),
    "add": Rate(60.0, 0.0, 6.0),
    "sub": Rate(60.0, 0.0, 6.0),
    "mul": Rate(60.0, 0.0, 6.0),
    "lookup": Rate(30.0, 0.0, 4.0),
    "concat": Rate(60.0, 0.0, 1.0),
    "pad": Rate(60.0, 0.0, 1.0),
    "avg_pool2d": Rate(100.0, 0.0, 20.0),
    "max_pool2d": Rate(100.0, 0.0, 8.0),
    "softmax": Rate(300.0, 0.0, 60.0),
    "reshape": Rate(0.0, 0.0, 0.0),
}
"""By kind of operator."""

OTHER = Rate(60.0, 0.0, 10.0)
"""Any other kind."""

REDUCED_ELEMENT = 0.8
"""Per element that a reduction reads."""

BUFFERED_ROW, BUFFERED_BYTE = 60.0, 0.4
"""Per row copied or fetched to a row buffer, and per byte of it."""

BAND = 300.0
"""Per band: padding columns are filled, counters set."""


def rate_of(op: OperatorDesc) -> Rate:
    """Return the rates of an operator."""
    pointwise = op.window is not None and op.window.kernel == (1, 1)
    if op.kind == "conv2d" and pointwise:
        return POINTWISE
    return RATES.get(op.kind, OTHER)


@dataclass(frozen=True)
class OperatorCost:
    """Cost of an operator in a segment.

    Attributes
    ----------
    call : float
        Instructions per row and band.
    column : float
        Instructions per row and column that it makes (that it reads, for a reduction).
    """

    call: float
    column: float


def row_cost(network: Network, op: OperatorDesc, reduces: bool = False) -> OperatorCost:
    """Return what an operator costs when it runs row by row.

    Parameters
    ----------
    network : Network
        For shapes.
    op : OperatorDesc
    reduces : bool
        Whether it reads rows into accumulators.
    """
    rate = rate_of(op)
    if reduces:
        return OperatorCost(rate.call, REDUCED_ELEMENT * network.tensors[op.inputs[0]].shape[3])
    shape = network.tensors[op.outputs[0]].shape
    return OperatorCost(rate.call, rate.mac * op.macs / max(1, shape[1] * shape[2]) + rate.element * shape[3])


def whole_cost(network: Network, op: OperatorDesc) -> float:
    """Return the instructions of an operator that runs on whole tensors."""
    rate = rate_of(op)
    written = sum(prod(network.tensors[t].shape) for t in op.outputs)
    read = sum(prod(network.tensors[t].shape) for t in op.inputs) if op.state_bytes else 0
    return rate.call + rate.mac * op.macs + rate.element * written + REDUCED_ELEMENT * read
