"""Evolution on a fitness that costs nothing: what it may choose, and that it finds more than chance."""

import pytest

from tvm_patch.nas.evolution import Evolution, Exhausted, draw_at_random, evolve
from tvm_patch.nas.space import Space, Stage

STAGE = Stage(
    channels=16, stride=1, depths=(1, 2, 3), kernels=(3, 5, 7), expansions=(3, 4, 6), widths=(0.5, 0.75, 1)
)
SPACE = Space(name="wide", resolutions=(32, 48, 64, 96), stem=8, stages=(STAGE,) * 4, classes=2)
SETTINGS = Evolution(population=20, parents=6, crossed=8, mutated=8, generations=10)


def cost(subnet):
    return subnet.resolution * sum(b.kernel * b.expand for stage in subnet.stages for b in stage)


def quality(subnet):
    """More of everything is better, but not in the ratio of what it costs."""
    return sum(b.kernel + 3 * b.width for stage in subnet.stages for b in stage) + subnet.resolution / 16


def fits(subnet):
    return cost(subnet) < 9_000


class Judged:
    def __init__(self):
        self.seen = []

    def __call__(self, subnets):
        self.seen += subnets
        return [quality(s) for s in subnets]


def run(search, seed=0, judge=None):
    return list(search(SPACE, judge or Judged(), fits, SETTINGS, seed))


@pytest.mark.parametrize("search", [evolve, draw_at_random])
def test_judges_as_many_as_it_said_none_twice_and_none_that_does_not_fit(search):
    judge = Judged()
    generations = run(search, judge=judge)
    assert [g.number for g in generations] == list(range(11))
    assert len(judge.seen) == len(set(judge.seen)) == SETTINGS.evaluations == 20 + 10 * 16
    assert all(fits(s) for s in judge.seen)
    best = [g.best.fitness for g in generations]
    assert best == sorted(best)
    assert best[-1] == max(map(quality, judge.seen))


@pytest.mark.parametrize("search", [evolve, draw_at_random])
def test_the_same_seed_finds_the_same(search):
    assert run(search, 3) == run(search, 3)
    assert run(search, 3) != run(search, 4)


def test_evolution_beats_chance_at_equal_evaluations():
    evolved = [run(evolve, seed)[-1].best.fitness for seed in range(5)]
    drawn = [run(draw_at_random, seed)[-1].best.fitness for seed in range(5)]
    assert sum(evolved) / 5 > max(drawn)


@pytest.mark.parametrize("search", [evolve, draw_at_random])
def test_a_space_without_anything_that_fits_says_so(search):
    with pytest.raises(Exhausted, match="none of 50 drawn subnets fits"):
        list(search(SPACE, Judged(), lambda subnet: False, SETTINGS, draws=50))


@pytest.mark.parametrize("search", [evolve, draw_at_random])
def test_a_space_smaller_than_the_population_ends(search):
    stage = Stage(channels=16, stride=1, depths=(1,), kernels=(3, 5), expansions=(3,))
    space = Space(name="four", resolutions=(32, 64), stem=8, stages=(stage,), classes=2)
    judge = Judged()
    generations = list(search(space, judge, lambda s: True, SETTINGS, draws=100))
    assert len(judge.seen) == 4
    assert generations[-1].best.fitness == quality(space.largest())
