"""Which of many choices are not beaten in everything by another."""

from __future__ import annotations

from typing import Any

import numpy as np

Costs = Any  # numpy int64 array, one row a choice, one column a cost


def pareto(costs: Costs) -> Any:
    """Return the indices of the choices that no other choice matches or beats in every cost.

    Parameters
    ----------
    costs : array of int
        One row a choice; smaller is better.

    Returns
    -------
    array of int
        In ascending order of the first cost, then the second and so on.  Of equal choices the first is kept.
    """
    # Stable: equal choices stay in the order given, so the answer does not depend on chance.
    order = np.lexsort(costs.T[::-1])
    left = costs[order]
    if costs.shape[1] == 2 and len(left):
        before = np.concatenate([[np.iinfo(np.int64).max], np.minimum.accumulate(left[:-1, 1])])
        return order[left[:, 1] < before]
    kept = []
    others = left[:, 1:].T.copy()
    while len(order):
        # The smallest in lexicographic order is beaten by none; drop what it beats.
        kept.append(order[0])
        open_ = others[0] < others[0, 0]
        for cost in others[1:]:
            open_ |= cost < cost[0]
        others, order = others[:, open_], order[open_]
    return np.array(kept, np.int64)
