"""What the report of compile times counts as what."""

from __future__ import annotations

from types import SimpleNamespace
from unittest.mock import patch

import pytest

from benchmarks import compile_time
from benchmarks.compile_time import STAGES, Clock, blocks
from tvm_patch.driver.front import legalize


@pytest.mark.parametrize("operators", [11, 66])
def test_networks_have_the_operators_asked_for(operators):
    assert len(legalize(blocks(operators)).graph.operators) == operators


def test_stages_do_not_count_what_is_within_them():
    now = iter([1.0, 1.5, 3.5, 4.0])
    with patch.object(compile_time, "time", SimpleNamespace(process_time=lambda: next(now))):
        clock = Clock()
        with clock.stage("lower"), clock.stage("fit_steps"):
            pass
    assert clock.seconds["start"] == 1.0
    assert clock.seconds["lower"] == 0.5 + 0.5
    assert clock.seconds["fit_steps"] == 2.0


def test_all_stages_are_functions_of_the_compiler():
    watched = Clock()
    with patch.object(watched, "_timed", side_effect=lambda name, function: (name, function)[1]) as timed:
        watched.watch()
    assert {call.args[0] for call in timed.call_args_list} == set(STAGES)
    assert all(callable(call.args[1]) for call in timed.call_args_list)
