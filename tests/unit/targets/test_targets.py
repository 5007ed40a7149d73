"""Targets: every board's core has one, and kernels are chosen by what it runs."""

from __future__ import annotations

import subprocess
import sys
from typing import ClassVar

import pytest

from microtvm_project.boards import BOARDS
from tests.unit.kernels import geometry
from tvm_patch.errors import UserError
from tvm_patch.kernels import registry
from tvm_patch.kernels.base import TensorKernel
from tvm_patch.targets import CORTEX_M4, CORTEX_M7, HOST, TARGETS, TIR, get_target


def test_every_board_has_a_target():
    assert {b.cpu for b in BOARDS.values()} <= set(TARGETS)


def test_an_unknown_core_is_refused_by_name():
    with pytest.raises(UserError, match="no target is named 'cortex-m0'; there are host, cortex-m4"):
        get_target("cortex-m0")


def test_boards_and_host_run_the_same_kernels():
    assert HOST.runs_kernels_of(CORTEX_M7)
    assert CORTEX_M4.runs_kernels_of(CORTEX_M7)
    assert not TIR.runs_kernels_of(CORTEX_M7)


def test_no_target_needs_tvm():
    code = "import sys, tvm_patch.targets; assert 'tvm' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_best_isa_that_has_a_kernel_is_taken():
    op = geometry.batch_of(geometry.conv2d, 1, 1)[0].op
    assert registry.kernel_for(op, CORTEX_M7).isa == "c"
    assert registry.kernel_for(op, TIR).isa == "tir"


def test_what_is_only_written_in_tir_runs_on_boards_too():
    reshape = geometry.batch_of(geometry.conv2d, 1, 1)[0].op
    op = type(reshape)("reshape", "r", reshape.inputs, reshape.inputs)
    assert registry.kernel_for(op, CORTEX_M7).isa == "tir"


def test_the_order_of_imports_decides_nothing():
    """Two kernels of one kind, isa and rank are a mistake of ours, said at once."""
    table: dict = {}

    class First(TensorKernel):
        kinds: ClassVar = ("odd",)

    class Second(TensorKernel):
        kinds: ClassVar = ("odd",)

    class Better(TensorKernel):
        kinds: ClassVar = ("odd",)
        rank = 1

    registry._add(table, First)
    registry._add(table, Better)
    assert table["odd", "tir"] == [Better, First]
    with pytest.raises(TypeError, match="Second and First compile odd in tir with one rank, 0"):
        registry._add(table, Second)
