"""The order in which configs are tried."""

from __future__ import annotations

import pytest

from tvm_patch.driver.front import legalize
from tvm_patch.targets import CORTEX_M4, CORTEX_M7, Target
from tvm_patch.tflite.writer import write_model
from tvm_patch.tuning.strategy import listed
from tvm_patch.zoo.registry import build


@pytest.mark.parametrize("target", [CORTEX_M4, CORTEX_M7], ids=lambda t: t.name)
@pytest.mark.parametrize("network", ["mlperf_ic", "mlperf_kws", "mlperf_ad", "mcunet_vww1"])
def test_what_is_used_without_a_database_comes_first(network: str, target: Target) -> None:
    """Otherwise a search that ends early knows nothing of it, and takes something slower for the best."""
    kinds = set()
    for kernel in legalize(write_model(build(network)), target=target).describe()[0]:
        if len(kernel.candidates()) > 1:
            usual = kernel.within(target.ample_scratch)
            order = listed(kernel, usual, seed=1)
            assert {k: usual.config[k] for k in order[0]} == order[0]
            assert len(order) == len(kernel.candidates())
            kinds.add(type(kernel).__name__)
    assert kinds
