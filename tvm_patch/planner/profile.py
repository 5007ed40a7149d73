"""How much of the arena each operator of a network fills."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tvm_patch.planner.buffers import ArenaPlan, Buffer, Overlap
from tvm_patch.planner.network import Network


@dataclass(frozen=True)
class LayerMemory:
    """The arena while one operator runs.

    Attributes
    ----------
    index : int
        Position of the operator in run order.
    name, kind : str
        Of the operator.
    live_bytes : int
        Bytes in use, scratch included; what overlapping buffers share counts once.
    scratch_bytes : int
        Bytes of scratch among them.
    """

    index: int
    name: str
    kind: str
    live_bytes: int
    scratch_bytes: int


def scratch_name(index: int) -> str:
    """Return the name of the scratch buffer of operator `index`."""
    return f"scratch of operator {index}"


def network_buffers(network: Network, align: int = 4) -> list[Buffer]:
    """Return one buffer for every tensor and for every operator's scratch.

    Parameters
    ----------
    network : Network
    align : int
        Alignment of scratch, in bytes.
    """
    buffers = [
        Buffer(name, tensor.nbytes, network.lifetimes[name].first, network.lifetimes[name].last)
        for name, tensor in network.tensors.items()
    ]
    buffers += [
        Buffer(scratch_name(op.index), op.scratch_bytes, op.index, op.index, align)
        for op in network.operators
        if op.scratch_bytes
    ]
    return buffers


def elementwise_overlaps(network: Network, kinds: frozenset[str]) -> list[Overlap]:
    """Return the overlaps of operators that work element by element on a dying input of the same size.

    Parameters
    ----------
    network : Network
    kinds : frozenset of str
        Kinds of operators that work element by element.
    """
    return [
        Overlap(name, op.outputs[0])
        for op in network.operators
        if op.kind in kinds and len(op.outputs) == 1
        for name in dict.fromkeys(op.inputs)
        if network.lifetimes[name].last == op.index
        and network.tensors[name].nbytes == network.tensors[op.outputs[0]].nbytes
    ]


def memory_profile(network: Network, buffers: Sequence[Buffer], plan: ArenaPlan) -> list[LayerMemory]:
    """Return the bytes of the arena that are in use while each operator runs.

    Parameters
    ----------
    network : Network
        Whose operators the lifetimes of `buffers` count in.
    buffers : sequence of Buffer
        What was planned.
    plan : ArenaPlan
    """
    profile = []
    for op in network.operators:
        used, end = 0, 0
        alive = (b for b in buffers if b.first <= op.index <= b.last)
        for low, high in sorted((plan.offsets[b.name], plan.offsets[b.name] + b.size) for b in alive):
            used += max(0, high - max(low, end))
            end = max(end, high)
        profile.append(LayerMemory(op.index, op.name, op.kind, used, op.scratch_bytes))
    return profile
