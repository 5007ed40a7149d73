"""The passes in somebody else's TVM script: a module that TVM's own frontend imported, planned, run by stock TVM."""

from __future__ import annotations

import numpy as np
import pytest
import tflite
import tvm
from tvm import relax
from tvm.relax.frontend.tflite import from_tflite

from relay_passes.patch_schedule import PatchSchedule
from relay_passes.pipeline import legalization_passes
from tests.segments import random_segments
from tests.unit.codegen.networks import small_network
from tvm_patch.errors import PlanError
from tvm_patch.lowering import LowerSegments, describe_module
from tvm_patch.oracle import run_oracle
from tvm_patch.planner.choose import Request, choose_plan
from tvm_patch.planner.segments import Segment, layer_by_layer
from tvm_patch.targets import HOST
from tvm_patch.tflite.writer import write_model
from tvm_patch.zoo.registry import build


def _imported(data: bytes):
    """Import and legalize as a user of TVM does; nothing of our frontend."""
    module = from_tflite(tflite.Model.GetRootAsModel(data, 0))
    return tvm.transform.Sequential(legalization_passes("float"))(module)


def _run(module, x):
    machine = relax.VirtualMachine(tvm.compile(module, target="llvm"), tvm.cpu())
    return machine["main"](tvm.runtime.tensor(x)).numpy()


def _assert_same_bits(data: bytes, module, shape, seed=0):
    x = np.random.default_rng(seed).integers(-128, 128, shape).astype(np.int8)
    np.testing.assert_array_equal(_run(module, x), run_oracle(data, [x]).outputs[0])


@pytest.mark.parametrize("mode", ["resident", "rereadable", "streamed"])
def test_a_searched_plan_of_a_foreign_module(mode):
    data = small_network()
    module = _imported(data)
    network = describe_module(module, HOST)
    plan = choose_plan(network, Request(input_mode=mode, objective="memory")).plan
    assert [s.segment() for s in plan.segments] != list(layer_by_layer(network))
    lowered = tvm.transform.Sequential([PatchSchedule(plan), LowerSegments()])(module)
    _assert_same_bits(data, lowered, (1, 9, 7, 3))


@pytest.mark.slow
def test_patches_of_a_foreign_module():
    data = write_model(build("mlperf_ic", resolution=19))
    module = _imported(data)
    request = Request(input_mode="rereadable", scheme="mcunetv2", patches=3, layers=4)
    plan = choose_plan(describe_module(module, HOST), request).plan
    assert plan.segments[0].patch_rows == 3
    lowered = tvm.transform.Sequential([PatchSchedule(plan), LowerSegments()])(module)
    _assert_same_bits(data, lowered, (1, 19, 19, 3))


def test_the_pipeline_takes_a_plan():
    data = small_network()
    plan = choose_plan(describe_module(_imported(data), HOST), Request(objective="memory")).plan
    module = from_tflite(tflite.Model.GetRootAsModel(data, 0))
    lowered = relax.get_pipeline("tvm_patch", plan=plan)(module)
    _assert_same_bits(data, lowered, (1, 9, 7, 3))


def test_a_scheduled_module_has_one_function_a_segment():
    module = _imported(small_network())
    network = describe_module(module, HOST)
    segments = random_segments(network, 3)
    scheduled = PatchSchedule(segments)(module)
    functions = {gv.name_hint: f for gv, f in scheduled.functions.items() if gv.name_hint != "main"}
    assert sorted(functions) == sorted(f"segment_{i}" for i in range(len(segments)))
    relax.analysis.well_formed(scheduled)  # raises where it is not
    for i, segment in enumerate(segments):
        attrs = functions[f"segment_{i}"].attrs
        assert str(attrs["tvm_patch.operators"]) == str(list(segment.operators))
        assert int(attrs["tvm_patch.bands"]) == segment.bands
        assert int(attrs["tvm_patch.patch_rows"]) == 0


def test_inlining_the_segments_gives_the_module_back():
    module = _imported(small_network())
    scheduled = PatchSchedule(random_segments(describe_module(module, HOST), 5))(module)
    main = scheduled["main"]
    calls = {gv: f for gv, f in scheduled.functions.items() if gv.name_hint != "main"}
    inlined = relax.utils.copy_with_new_vars(main.inline_functions(calls)).without_attr(
        "tvm_patch.input_mode"
    )
    flat = tvm.IRModule({"main": inlined})
    flat = tvm.transform.Sequential(
        [relax.transform.CanonicalizeBindings(), relax.transform.DeadCodeElimination()]
    )(flat)
    expected = tvm.transform.Sequential(
        [relax.transform.CanonicalizeBindings(), relax.transform.DeadCodeElimination()]
    )(tvm.IRModule({"main": relax.utils.copy_with_new_vars(module["main"])}))
    tvm.ir.assert_structural_equal(flat["main"].body, expected["main"].body, map_free_vars=True)


def test_plans_that_do_not_fit_the_module_are_refused():
    small, other = _imported(small_network()), _imported(write_model(build("mlperf_ic", resolution=19)))
    plan = choose_plan(describe_module(small, HOST), Request()).plan
    with pytest.raises(PlanError, match="segments"):
        PatchSchedule(plan)(other)
    with pytest.raises(PlanError, match="is in none of them"):
        PatchSchedule([Segment((0, 1))])(small)
    with pytest.raises(PlanError, match="reads what"):
        PatchSchedule([Segment((1, 0))])(small)
    layers = [Segment((i,)) for i in range(len(describe_module(small, HOST).operators))]
    with pytest.raises(PlanError, match=r"bands do not fit|cannot be cut"):
        LowerSegments()(PatchSchedule([Segment((0,), 50), *layers[1:]])(small))


def test_a_plan_made_for_another_network_is_refused_when_lowered():
    module = _imported(small_network())
    plan = choose_plan(describe_module(module, HOST), Request(scheme="layer")).plan
    forged = plan.model_copy(update={"fingerprint": "0" * 32})
    with pytest.raises(PlanError, match="fingerprint"):
        LowerSegments()(PatchSchedule(forged)(module))
