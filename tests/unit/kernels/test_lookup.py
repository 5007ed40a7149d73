from __future__ import annotations

import numpy as np
import pytest

from tests.unit.kernels.batch import check, make_case
from tests.unit.kernels.program import MACHINES
from tests.unit.kernels.randoms import int8
from tvm_patch.kernels.c.lookup import PackedLookupRow, PackedLookupTensor
from tvm_patch.kernels.lookup import LookupRow, LookupTensor


@pytest.mark.parametrize("machine", MACHINES)
def test_all_dtypes_and_ranks(tmp_path, machine):
    rng = np.random.default_rng(1)
    cases = []
    for shape in ((1, 16, 4, 4), (1, 256), (2, 3, 4, 5), (7,)):
        for source in ("int8", "uint8"):
            for target in ("int8", "uint8"):
                table = rng.integers(0, 256, 256).astype(np.uint8).view(target)
                data = int8(rng, shape).view(source)
                cases.append(
                    make_case("lookup", [data], {"origin": "test", "dtype": target}, {"table": table})
                )
    every = np.arange(256, dtype=np.uint8)
    cases.append(
        make_case("lookup", [every.view("int8")], {"origin": "t", "dtype": "uint8"}, {"table": every})
    )
    assert {type(c.kernel) for c in cases} == {LookupRow, LookupTensor, PackedLookupRow, PackedLookupTensor}
    check(cases, tmp_path, machine)
