import random

import pytest

from tvm_patch.errors import UserError
from tvm_patch.nas.patched import best_patched
from tvm_patch.nas.spaces import FAMILIES, SPACES, family_of, mcunet_family, space_of
from tvm_patch.targets import TARGETS


@pytest.mark.parametrize("name", SPACES)
def test_spaces_have_tasks_of_their_own(name):
    space = space_of(name, 2, 1)
    architecture = space.architecture(space.draw(random.Random(1)))
    assert (architecture.classes, architecture.colors) == (2, 1)


def test_the_family_of_mcunet():
    family = mcunet_family()
    assert len(family) == 108
    assert len({(s.width, s.resolutions) for s in family}) == 108
    assert sorted({r for s in family for r in s.resolutions}) == list(range(48, 225, 16))
    assert len({s.name for s in family}) == 108


@pytest.mark.parametrize("name", FAMILIES)
def test_spaces_of_a_family_have_names_of_their_own(name):
    family = family_of(name, 10)
    assert len({s.name for s in family}) == len(family)


def test_patched_stages_may_have_kernels_of_one_pixel():
    space = space_of("mcunetv2", 10)
    assert [1 in stage.kernels for stage in space.stages] == [True] * 3 + [False] * 4
    assert all(stage.kernels[-3:] == (3, 5, 7) for stage in space.stages)


@pytest.mark.parametrize(("name", "sram", "flash"), [("tiny-16k", 16, 128), ("tiny-32k", 32, 256)])
def test_tiny_spaces_have_networks_for_their_memories(name, sram, flash):
    """Of a few dozen some fit, and some do not: a space for smaller or larger boards says less."""
    chance, space = random.Random(0), space_of(name, 10)
    costs = [
        best_patched(space.architecture(space.draw(chance)), TARGETS["cortex-m7"], "rereadable").cost
        for _ in range(40)
    ]
    fit = sum(c.arena_bytes <= sram * 1024 and c.flash_bytes <= flash * 1024 for c in costs)
    assert 5 <= fit <= 25


def test_unknown_names_are_refused():
    with pytest.raises(UserError, match="no space is named 'mcunet'; there are mcunetv2, tiny-16k"):
        space_of("mcunet", 10)
    with pytest.raises(UserError, match="no family of spaces is named 'x'; there are mcunet, tiny"):
        family_of("x", 10)
