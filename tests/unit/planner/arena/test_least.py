"""The size alone, against the placement of all buffers."""

from __future__ import annotations

import random
from unittest.mock import patch

import pytest

from tvm_patch.planner import Buffer, Overlap, plan_arena
from tvm_patch.planner.arena import least
from tvm_patch.planner.arena.least import least_size


def chain(seed, count=40):
    """Sizes, lives and overlaps of a network whose tensors shrink, with residuals and scratch."""
    chance = random.Random(seed)
    sizes, lives, overlaps = [], [], []
    before = None
    for step in range(count):
        last = step + chance.choice((1, 1, 1, 2, 4))
        tensor = len(sizes)
        sizes.append(4 * chance.randrange(1, 5000) // (1 + step // chance.choice((3, 9, 50))))
        sizes[-1] -= sizes[-1] % 4
        lives.append((step, min(last, count)))
        if before is not None and lives[before][1] == step:
            overlaps.append((before, tensor, chance.choice((-400, 0, 64, 512, 10**6))))
        before = tensor
        if chance.random() < 0.7:
            sizes.append(4 * chance.randrange(0, 600))
            lives.append((step, step))
    return sizes, lives, overlaps


def placed(sizes, lives, overlaps):
    buffers = [Buffer(str(k), size, *life) for k, (size, life) in enumerate(zip(sizes, lives, strict=True))]
    return plan_arena(buffers, [Overlap(str(a), str(b), d) for a, b, d in overlaps], align=4)


@pytest.mark.parametrize("seed", range(150))
def test_size_is_that_of_the_placement(seed):
    question = chain(seed, 5 + seed % 45)
    plan = placed(*question)
    assert plan.optimal
    assert least_size(*question) == plan.size


@pytest.mark.parametrize("seed", range(20))
def test_what_is_not_found_quickly_is_placed(seed):
    question = chain(seed)
    with patch.object(least, "_WORK", 0):
        assert least_size(*question) == placed(*question).size


def test_nothing_at_all():
    assert least_size([], [], []) == 0
    assert least_size([0, 0], [(0, 1), (1, 1)], []) == 0


def test_few_buffers_are_posed():
    """Else it would be no quicker."""
    with patch.object(least, "_posed", wraps=least._posed) as posed:
        for seed in range(40):
            least_size(*chain(seed))
    counts = [len(call.args[0]) for call in posed.call_args_list]
    assert sum(counts) < 40 * 40
