"""Run order: branches and heads one after the other, where that needs less memory.

Converters number operators as they like: the heads of a detector often come layer by layer, side by side, and keep
each other's tensors alive.  A segment is a run of neighbours, so such an order also keeps apart what could be fused.
"""

from __future__ import annotations

from dataclasses import replace

from tvm_patch.graph import Graph
from tvm_patch.planner.network import Network
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.search.dynamic import Search
from tvm_patch.planner.segments import layer_by_layer

Order = tuple[int, ...]


def better_order(network: Network) -> Order | None:
    """Return a run order that needs less memory than the given one, or None.

    Of the orders that :func:`other_orders` knows the one that keeps least alive is tried: its arena must be no larger
    layer by layer, and what must be in use at once no more under the plan with the least memory.

    Parameters
    ----------
    network : Network
        With ``rows`` described for row-wise operators.

    Returns
    -------
    tuple of int or None
        For :meth:`tvm_patch.planner.network.Network.reordered`.
    """
    alive, given = kept_alive(network), _layers(network)
    found: list[tuple[int, Order]] = []
    for order in other_orders(network.graph):
        other = network.reordered(order)
        if kept_alive(other) < alive and _layers(other) <= given:
            found.append((kept_alive(other), order))
    if not found:
        return None
    _, best = min(found)
    # Composites need kernels of their own, which another order does not know.
    plain = replace(network, shapes=None)
    planned, before = (Search(n).least_in_use for n in (plain.reordered(best), plain))
    return best if planned <= before else None


def other_orders(graph: Graph) -> list[Order]:
    """Return orders worth trying: depth first from the outputs back, and each reader as soon as it can run."""
    given = tuple(range(len(graph.operators)))
    return [o for o in dict.fromkeys((_from_outputs(graph), _eager(graph))) if o != given]


def kept_alive(network: Network) -> int:
    """Return the sum over operators of the square of what is alive while they run, in bytes.

    The square weighs the peaks, without looking at the highest only.
    """
    change = [0] * (len(network.operators) + 1)
    for name, life in network.lifetimes.items():
        change[max(0, life.first)] += network.tensors[name].nbytes
        change[min(life.last, len(network.operators) - 1) + 1] -= network.tensors[name].nbytes
    total = live = 0
    for step in change[:-1]:
        live += step
        total += live * live
    return total


def _layers(network: Network) -> int:
    return Schedule.of(network, layer_by_layer(network)).arena_bytes


def _from_outputs(graph: Graph) -> Order:
    """Return the order in which each output in turn, then what nobody reads, has its makers run first."""
    order: dict[int, None] = {}
    makers = [i for t in graph.outputs if (i := graph.producer(t.name)) is not None]
    pending = [*reversed(range(len(graph.operators))), *reversed(makers)]
    while pending:
        index = pending[-1]
        missing = [i for i in _makers(graph, index) if i not in order]
        if index in order or not missing:
            pending.pop()
            order.setdefault(index)
        else:
            pending += missing[::-1]
    return tuple(order)


def _eager(graph: Graph) -> Order:
    """Return the order in which what reads the newest tensor runs next; of several readers the last."""
    position: dict[int, int] = {}
    makers = [_makers(graph, i) for i in range(len(graph.operators))]
    waiting = set(range(len(makers)))
    while waiting:
        ready = [i for i in waiting if all(m in position for m in makers[i])]
        index = max(ready, key=lambda i: (max((position[m] for m in makers[i]), default=-1), i))
        position[index] = len(position)
        waiting.remove(index)
    return tuple(position)


def _makers(graph: Graph, index: int) -> list[int]:
    """Return the operators that make an operator's inputs."""
    makers = (graph.producer(t) for t in graph.operators[index].input_names)
    return [i for i in makers if i is not None]
