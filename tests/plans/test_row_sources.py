"""Row sources that fail, or give too little, under plans that ask for rows once, again in every band, or twice over.

At every single row that is asked for, in turn: the source's code comes out of ``run``, no row is asked for after it,
nothing outside what each step owns is touched, and the next inference is right.  Half a row without an error is the
source's own affair: it changes numbers, nothing else.
"""

from __future__ import annotations

import pytest

from tests.plans.cases import CASES, network
from tests.plans.test_random_networks import assert_specified
from tests.plans.trial import make_trial
from tvm_patch.driver.front import legalize


@pytest.mark.slow
def test_every_row_fails_in_turn(tmp_path):
    legalized = legalize(network())
    described = legalized.describe()[1]
    trials = [
        make_trial(
            legalized, described, make(described), mode, case.replace("-", "_"), apart=True, sweeps=True
        )
        for case, (mode, make) in CASES.items()
        if mode != "resident"
    ]
    assert len(trials) == 5
    assert_specified(trials, tmp_path)
