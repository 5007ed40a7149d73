import random

import pytest

from tvm_patch.errors import UserError
from tvm_patch.nas.space import BlockChoice, Space, Stage, Subnet

SPACE = Space(
    name="little",
    resolutions=(32, 48, 64),
    width=0.5,
    stem=16,
    stages=(
        Stage(channels=16, stride=1, depths=(1,), kernels=(3,), expansions=(1,)),
        Stage(channels=24, stride=2, depths=(1, 2, 3), kernels=(1, 3, 5), expansions=(3, 4), widths=(0.5, 1)),
        Stage(channels=48, stride=2, depths=(1, 2), kernels=(3, 7), expansions=(3, 6), squeeze=0.25),
    ),
    head=64,
    classes=10,
)


def drawn(seed):
    return SPACE.draw(random.Random(seed))


def test_counts_its_subnets():
    assert SPACE.size == 3 * 1 * (12 + 12**2 + 12**3) * (4 + 4**2)


@pytest.mark.parametrize("seed", range(50))
def test_draws_mutates_and_crosses_within_itself(seed):
    chance = random.Random(seed)
    one, other = SPACE.draw(chance), SPACE.draw(chance)
    for subnet in (one, SPACE.mutated(one, chance, 0.5), SPACE.crossed(one, other, chance)):
        assert SPACE.holds(subnet)
        assert Subnet.from_json(subnet.to_json()) == subnet


def test_a_subnet_becomes_an_architecture():
    block = BlockChoice(kernel=5, expand=4, width=0.5)
    last = BlockChoice(kernel=7, expand=6, width=1)
    first = BlockChoice(kernel=3, expand=1, width=1)
    subnet = Subnet(resolution=48, stages=((first,), (block, block), (last,)))
    found = SPACE.architecture(subnet)
    assert (found.resolution, found.stem, found.head, found.classes) == (48, 8, 32, 10)
    assert [(b.channels, b.kernel, b.expand, b.stride, b.squeeze) for b in found.blocks] == [
        (8, 3, 1, 1, 0),
        (8, 5, 4, 2, 0),
        (8, 5, 4, 1, 0),
        (24, 7, 6, 2, 0.25),
    ]


def test_nothing_changes_at_probability_0_and_everything_can_at_1():
    chance = random.Random(3)
    start = SPACE.smallest()
    assert SPACE.mutated(start, chance, 0) == start
    seen = [SPACE.mutated(start, chance, 1) for _ in range(200)]
    for index, stage in enumerate(SPACE.stages):
        assert {len(s.stages[index]) for s in seen} == set(stage.depths)
        assert {b.kernel for s in seen for b in s.stages[index]} == set(stage.kernels)
        assert {b.width for s in seen for b in s.stages[index]} == set(stage.widths)
    assert {s.resolution for s in seen} == set(SPACE.resolutions)


@pytest.mark.parametrize("seed", range(20))
def test_a_child_has_each_choice_from_a_parent(seed):
    chance = random.Random(seed)
    parents = SPACE.draw(chance), SPACE.draw(chance)
    child = SPACE.crossed(*parents, chance)
    assert child.resolution in {p.resolution for p in parents}
    for blocks, *theirs in zip(child.stages, *(p.stages for p in parents), strict=True):
        assert len(blocks) in {len(t) for t in theirs}
        for index, block in enumerate(blocks):
            pair = [t[index] for t in theirs if index < len(t)]
            for field in ("kernel", "expand", "width"):
                assert getattr(block, field) in {getattr(p, field) for p in pair}


def test_the_same_seed_draws_the_same():
    assert drawn(7) == drawn(7) != drawn(8)


def test_a_subnet_of_another_space_is_refused():
    other = SPACE.model_copy(update={"resolutions": (96,)})
    with pytest.raises(UserError, match="not one of the space little"):
        SPACE.architecture(other.largest())


def test_largest_and_smallest():
    assert SPACE.architecture(SPACE.largest()).model_dump()["resolution"] == 64
    assert [len(s) for s in SPACE.largest().stages] == [1, 3, 2]
    assert [len(s) for s in SPACE.smallest().stages] == [1, 1, 1]


def test_json_and_back(tmp_path):
    assert Space.load(SPACE.save(tmp_path / "space.json")) == SPACE
    with pytest.raises(UserError, match="format: not a space"):
        Space.from_json(SPACE.largest().to_json())
