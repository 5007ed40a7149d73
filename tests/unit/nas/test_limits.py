import pytest

from tvm_patch.errors import PlanError, UserError
from tvm_patch.nas.architecture import Architecture, Bottleneck
from tvm_patch.nas.cost import layer_cost
from tvm_patch.nas.how import How
from tvm_patch.nas.judged import Accuracies
from tvm_patch.nas.limits import Limits
from tvm_patch.nas.spaces import space_of
from tvm_patch.nas.tflm import tflm_arena
from tvm_patch.targets import TARGETS

TINY = space_of("tiny-16k", 10)
M7 = TARGETS["cortex-m7"]
NETWORK = Architecture(
    resolution=32,
    stem=8,
    blocks=(Bottleneck(channels=8, expand=1), Bottleneck(channels=16, expand=4, stride=2)),
    classes=10,
)


def test_tflite_micros_arena():
    """By hand: the expanded 16×16×32 lies beside its input 16×16×8, then 8×8×32 above it."""
    assert tflm_arena(NETWORK) == 16 * 16 * 32 + max(16 * 16 * 8, 8 * 8 * 32)


def test_each_way_to_run_needs_no_more_than_the_one_before():
    arenas = [
        How(kind=kind).best(NETWORK, M7).cost.arena_bytes for kind in ("tflm", "layers", "patches", "planner")
    ]
    assert arenas == sorted(arenas, reverse=True)
    assert arenas[-1] < arenas[0] / 2


def test_nothing_else_is_looked_for_where_one_layer_after_another_fits():
    plain = layer_cost(NETWORK, M7)
    chosen = How(kind="planner").best(NETWORK, M7, Limits(sram_bytes=plain.arena_bytes))
    assert (chosen.schedule.how, chosen.cost) == ("layers", plain)
    less = How(kind="planner").best(NETWORK, M7, Limits(sram_bytes=plain.arena_bytes - 1))
    assert less.schedule.how == "planner"


def test_excess_is_the_largest_ratio():
    cost = layer_cost(NETWORK, M7)
    assert Limits().fits(cost)
    assert Limits(sram_bytes=cost.arena_bytes, flash_bytes=cost.flash_bytes, cycles=cost.cycles).fits(cost)
    for name, taken in (
        ("sram_bytes", cost.arena_bytes),
        ("flash_bytes", cost.flash_bytes),
        ("cycles", cost.cycles),
    ):
        limits = Limits(**{name: taken - 1})
        assert not limits.fits(cost)
        assert limits.excess(cost) == taken / (taken - 1)


def test_ways_that_cannot_be():
    for kind in ("tflm", "patches"):
        with pytest.raises(PlanError, match=r"resident|rereadable"):
            How(kind=kind, mode="streamed").best(NETWORK, M7)


def test_accuracies_are_kept(tmp_path):
    path = tmp_path / "a.json"
    one = Accuracies(path, {"space": 1})
    one.put(TINY.largest(), 0.5)
    one.save()
    assert Accuracies(path, {"space": 1}).get(TINY.largest()) == 0.5
    assert Accuracies(path, {"space": 1}).get(TINY.smallest()) is None
    with pytest.raises(UserError, match="is of another search"):
        Accuracies(path, {"space": 2})
    for broken in ("", "{}", "[1]", path.read_text()[:40]):
        path.write_text(broken)
        with pytest.raises(UserError, match="holds no accuracies"):
            Accuracies(path, {"space": 1})
