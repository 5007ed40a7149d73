"""Sets cut in two by a seed: each class alike, and never through a group."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from tvm_patch.errors import InputError


def split(
    labels: np.ndarray, fraction: float, seed: int, groups: Sequence[Hashable] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of what stays and of what is taken, both ascending.

    Of every class about the same fraction is taken, at least one of two; one that is alone stays.  Of groups, of which
    there must be two, at least one.

    Parameters
    ----------
    labels : array of int
    fraction : float
        That is taken.
    seed : int
    groups : sequence, optional
        By sample, what it must not be parted from, such as its speaker.
    """
    if not 0 < fraction < 1:
        raise InputError(f"a part of {fraction} of the pictures; give one between 0 and 1")
    chance = np.random.default_rng([seed, 2])
    taken = np.zeros(len(labels), bool)
    if groups is None:
        for label in np.unique(labels):
            (members,) = np.nonzero(labels == label)
            wanted = min(max(1, round(fraction * len(members))), len(members) - 1)
            taken[chance.permutation(members)[:wanted]] = True
    else:
        _, numbers = np.unique(np.array([str(group) for group in groups]), return_inverse=True)
        order = chance.permutation(numbers.max() + 1) if len(numbers) else np.empty(0, int)
        sizes = np.bincount(numbers)
        # Whole groups in a random order, as long as what is taken does not grow beyond the fraction.
        room = fraction * len(labels)
        chosen = []
        for group in order[:-1]:
            if sizes[group] <= room:
                chosen.append(group)
                room -= sizes[group]
        if not chosen and len(order) > 1:
            chosen = [int(np.argmin(sizes))]
        taken = np.isin(numbers, chosen)
    return np.nonzero(~taken)[0], np.nonzero(taken)[0]
