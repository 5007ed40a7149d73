"""Run order: of all orders that keep producers before readers, one with the least peak of live bytes."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

from tvm_patch.planner.network import Network

_STATES = 20_000
"""Sets of finished operators that the exact search may visit; about 0.3 s."""

_BEAM = 48
"""Orders kept side by side when the exact search gives up."""

Savings = Mapping[tuple[int, str], int]


class _Model:
    """Live bytes as a function of the set of operators done, held as a bit mask."""

    def __init__(self, network: Network, savings: Savings) -> None:
        self.network = network
        self.count = len(network.operators)
        self.savings = savings
        kept = set(network.outputs)
        self.needs = [0] * self.count
        self.reads: list[list[tuple[str, int, int]]] = [[] for _ in range(self.count)]
        self.makes = [0] * self.count
        self.dead_on_arrival = [0] * self.count
        for op in network.operators:
            for name in dict.fromkeys(op.inputs):
                producer = network.producer(name)
                if producer is not None:
                    self.needs[op.index] |= 1 << producer.index
                if name not in kept:
                    readers = sum(1 << c.index for c in network.consumers(name))
                    self.reads[op.index].append((name, readers, network.tensors[name].nbytes))
            self.makes[op.index] = sum(network.tensors[n].nbytes for n in op.outputs)
            self.dead_on_arrival[op.index] = sum(
                network.tensors[n].nbytes
                for n in op.outputs
                if n not in kept and not network.consumers(n)
            )  # fmt: skip
        self.start = sum(network.tensors[n].nbytes for n in network.inputs)

    def ready(self, done: int) -> list[int]:
        """Return the operators that can run next."""
        return [k for k in range(self.count) if not done >> k & 1 and self.needs[k] & done == self.needs[k]]

    def run(self, done: int, live: int, k: int) -> tuple[int, int]:
        """Return the bytes needed while operator `k` runs and the bytes alive after it."""
        after = done | 1 << k
        freed, saved = self.dead_on_arrival[k], 0
        for name, readers, nbytes in self.reads[k]:
            if readers & after == readers:
                freed += nbytes
                saved = max(saved, self.savings.get((k, name), 0))
        during = live + self.makes[k]
        return during + self.network.operators[k].scratch_bytes - saved, during - freed


def order_peak(network: Network, order: Sequence[int], savings: Savings | None = None) -> int:
    """Return the peak of live bytes of a run order, without fragmentation and alignment.

    Parameters
    ----------
    network : Network
    order : sequence of int
        Operator indices.
    savings : mapping of (operator index, input) to int, optional
        Bytes shared between that input and the operator's output when the input dies there.
    """
    model = _Model(network, savings or {})
    done, live, peak = 0, model.start, model.start
    for k in order:
        if model.needs[k] & done != model.needs[k]:
            raise ValueError(f"operator {k} runs before one that it needs")
        during, live = model.run(done, live, k)
        peak = max(peak, during)
        done |= 1 << k
    return peak


def best_order(network: Network, savings: Savings | None = None) -> tuple[int, ...] | None:
    """Return a run order with a lower peak than the given one, or None when none was found.

    The search over sets of finished operators is exact; a network with too many of them (many wide branches)
    is searched with a beam instead.

    Parameters
    ----------
    network : Network
    savings : mapping, optional
        As for :func:`order_peak`.

    Returns
    -------
    tuple of int or None
        For :meth:`tvm_patch.planner.network.Network.reordered`.
    """
    model = _Model(network, savings or {})
    given = order_peak(network, range(model.count), savings)
    floor = max((model.makes[k] for k in range(model.count)), default=0)
    if model.count < 3 or given <= floor:
        return None
    found = _exact(model, given) or _beam(model)
    if found is None or order_peak(network, found, savings) >= given:
        return None
    return found


def _exact(model: _Model, given: int) -> tuple[int, ...] | None:
    """Best-first search for the least peak; None when nothing beats `given` or there are too many states."""
    complete = (1 << model.count) - 1
    queue: list[tuple[int, int, int, int]] = [
        (model.start, 0, 0, model.start)
    ]  # peak, -done count, done, live
    came: dict[int, tuple[int, int]] = {0: (-1, -1)}
    least = {0: model.start}
    while queue and len(least) <= _STATES:
        peak, counted, done, live = heapq.heappop(queue)
        if peak > least[done]:
            continue
        if done == complete:
            order = []
            while done:
                k, done = came[done]
                order.append(k)
            return tuple(reversed(order))
        for k in model.ready(done):
            during, after = model.run(done, live, k)
            reached, key = max(peak, during), done | 1 << k
            if reached < given and reached < least.get(key, given):
                least[key] = reached
                came[key] = (k, done)
                heapq.heappush(queue, (reached, counted - 1, key, after))
    return None


def _beam(model: _Model) -> tuple[int, ...] | None:
    front: list[tuple[int, int, int, tuple[int, ...]]] = [(model.start, model.start, 0, ())]
    for _ in range(model.count):
        best: dict[int, tuple[int, int, int, tuple[int, ...]]] = {}
        for peak, live, done, order in front:
            for k in model.ready(done):
                during, after = model.run(done, live, k)
                state = (max(peak, during), after, done | 1 << k, (*order, k))
                if state[2] not in best or state < best[state[2]]:
                    best[state[2]] = state
        front = sorted(best.values())[:_BEAM]
    return front[0][3] if front else None
