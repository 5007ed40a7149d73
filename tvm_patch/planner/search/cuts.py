"""What is alive between two operators, whatever the plan: the fixed part of a segment's memory."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from tvm_patch.planner.layout.row_buffer import aligned
from tvm_patch.planner.network import Network


@dataclass(frozen=True)
class _Storage:
    size: int
    born: int
    last: int


class Cuts:
    """Memory at the cuts of a network: cut k lies before operator k.

    Parameters
    ----------
    network : Network
    fetched : collection of str
        Network inputs that are not in the arena.
    """

    def __init__(self, network: Network, fetched: Collection[str]) -> None:
        self.network = network
        count = len(network.operators)
        self.owner: dict[str, str] = {}
        for name in network.inputs:
            if name not in fetched:
                self.owner[name] = name
        for op in network.operators:
            for name in op.outputs:
                source = self.owner.get(op.inputs[0]) if op.is_copy else None
                view = source is not None and not (name in network.outputs and source in network.inputs)
                self.owner[name] = source if view and source is not None else name
        members: dict[str, list[str]] = {}
        for name, owner in self.owner.items():
            members.setdefault(owner, []).append(name)
        lifetimes = network.lifetimes
        self.storages = {
            owner: _Storage(
                aligned(max(network.tensors[n].nbytes for n in names)),
                min(lifetimes[n].first for n in names),
                max(lifetimes[n].last for n in names),
            )
            for owner, names in members.items()
        }
        needed = [frozenset(network.outputs)]
        for op in reversed(network.operators):
            needed.append(needed[-1].union(op.inputs))
        self.needed = needed[::-1]
        """By cut: tensors that something from there on reads, and outputs."""
        self.alive = [
            sum(s.size for s in self.storages.values() if s.born < k <= s.last) for k in range(count + 1)
        ]
        """By cut: bytes of the tensors that exist and are still needed."""

    def alive_since(self, first: int, cut: int) -> int:
        """Return the bytes of what operator `first` or one after it makes and that is still needed at `cut`."""
        return sum(s.size for s in self.storages.values() if first <= s.born < cut <= s.last)

    def new_bytes(self, tensors: Collection[str], cut: int) -> int:
        """Return the bytes of the storages of `tensors` that do not exist at `cut` yet."""
        owners = dict.fromkeys(self.owner[t] for t in tensors)
        return sum(self.storages[o].size for o in owners if self.storages[o].born >= cut)

    def dies_before(self, tensor: str, cut: int) -> bool:
        """Tell whether nothing from `cut` on needs what `tensor` is stored in."""
        return self.storages[self.owner[tensor]].last < cut

    def saved(self, distances: dict[str, int], output: str) -> int:
        """Return the most bytes that `output` can share with dying tensors; see :class:`Overlap`.

        Parameters
        ----------
        distances : dict of str to int
            By dying tensor: the least (its offset - the output's) in bytes.
        output : str
        """
        size = self.storages[self.owner[output]].size
        rests, shared = [0], 0
        for name, distance in distances.items():
            if self.owner[name] != self.owner[output]:
                rests.append(max(0, size - aligned(max(0, distance))))
                shared += min(self.storages[self.owner[name]].size, rests[-1])
        return min(shared, max(rests))
