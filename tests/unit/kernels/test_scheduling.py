"""Which instruction the list scheduler puts next."""

from __future__ import annotations

import random

import pytest

from tvm_patch.kernels.c.arm.scheduling import _Code, cycles_of, for_two_issues
from tvm_patch.targets.pipeline.cortex_m7 import DualIssue
from tvm_patch.targets.pipeline.instruction import parse


def some_code(seed: int, length: int = 40) -> list[str]:
    draw = random.Random(seed)

    def register() -> str:
        return f"r{draw.randrange(3, 12)}"

    forms = (
        lambda: f"smlad {(a := register())}, {register()}, {register()}, {a}",
        lambda: f"ldr {register()}, [r{draw.randrange(3)}, #{4 * draw.randrange(8)}]",
        lambda: f"sxtb16 {register()}, {register()}, ror #8",
        lambda: f"add {register()}, {register()}, #{draw.randrange(64)}",
        lambda: f"add {register()}, {register()}, {register()}, asr #4",
        lambda: f"strb {register()}, [r{draw.randrange(3)}, #{draw.randrange(8)}]",
        lambda: f"ldrsb {register()}, [r{draw.randrange(3)}, #{draw.randrange(8)}]",
    )
    return [draw.choice(forms)() for _ in range(length)]


@pytest.mark.parametrize("seed", range(20))
def test_the_best_next_is_the_best_of_all(seed):
    code = _Code([[parse(line)] for line in some_code(seed)])
    core = DualIssue()
    while code.free:
        when = {i: core.soonest(code.first(i), there) for i, there in code.free.items()}
        soonest = min(when.values())
        everything = [code.beside(core, i, soonest) for i in when if when[i] == soonest]
        chosen = code.best(core)
        assert chosen == min(
            everything,
            key=lambda two: (-len(two), sorted(-code.heights[i] for i in two), two),
        )
        for i in chosen:
            core.issue(code.first(i))
        code.put_out(core, chosen)


@pytest.mark.parametrize("seed", range(20))
def test_order_keeps_instructions_and_never_takes_longer(seed):
    lines = some_code(seed)
    ordered = for_two_issues(lines)
    assert sorted(ordered) == sorted(lines)
    assert cycles_of(ordered) <= cycles_of(lines)
