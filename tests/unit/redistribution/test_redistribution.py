"""Recipes, the search and the figures before and after."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.redistribution.mobile import mobile_network, random_input
from tvm_patch.driver import compile as compile_model
from tvm_patch.driver.front import legalize
from tvm_patch.driver.redistribute import redistribute
from tvm_patch.errors import PlanError, UserError
from tvm_patch.frontend import import_tflite
from tvm_patch.oracle import run_oracle
from tvm_patch.planner.choose import Request, choose_plan
from tvm_patch.planner.layout.patch_stage import patch_stage
from tvm_patch.redistribution.blocks import residual_blocks
from tvm_patch.redistribution.early import EarlyStage, choices, network_of
from tvm_patch.redistribution.edit_model import edit_model
from tvm_patch.redistribution.edits import InsertBlock, RemoveBlock, SetKernel
from tvm_patch.redistribution.late import LateOptions
from tvm_patch.redistribution.structure import structure_of
from tvm_patch.tflite.reader import read_model
from tvm_patch.tflite.writer import write_model
from tvm_patch.zoo.registry import build

LAYERS = 13
"""Of the mobile network: stem, block 0, blocks 1 and 2 of 8 channels, block 3."""


@pytest.fixture(scope="module")
def small():
    return write_model(mobile_network(64, kernels=(3, 5, 3, 5, 3, 3)))


@pytest.fixture(scope="module")
def front(small):
    return legalize(small, prune=False)


@pytest.fixture(scope="module")
def structure(front):
    return structure_of(front.imported.canonical, front.describe()[1])


@pytest.fixture(scope="module")
def searched(small):
    return redistribute(small, layers=LAYERS, patches=4)


@pytest.fixture(scope="module")
def mobilenet():
    return write_model(build("mobilenet_v2"))


def planned_unpruned(data, request):
    """The plan of a network that is going to be trained again."""
    return choose_plan(legalize(data, prune=False).describe()[1], request).plan


@pytest.mark.slow
def test_figures_of_the_paper(mobilenet):
    """MCUNetV2, table of MobileNetV2 and MobileNetV2-RD: patches of 75 and 63 pixels, 42 % and 18 % overhead."""
    made = redistribute(mobilenet, "mobilenetv2-rd", 13, 4)
    before, after = made.before, made.after
    assert (before.stage.field, after.stage.field) == ((75, 75), (63, 63))
    assert before.stage.overhead_inside == pytest.approx(1.42, abs=0.005)
    assert after.stage.overhead_inside == pytest.approx(1.18, abs=0.005)
    assert before.overhead == pytest.approx(1.10, abs=0.01)
    assert after.overhead == pytest.approx(1.03, abs=0.005)
    assert abs(after.macs / before.macs - 1) < 0.01
    assert (before.stage.layers, after.stage.layers) == (13, 9)
    assert after.patched_arena_bytes <= before.patched_arena_bytes
    assert made.edits == (
        SetKernel("depthwise_conv_2d_1", (1, 1)),
        RemoveBlock("add_9"),
        InsertBlock("add_20", "add_20"),
        InsertBlock("add_57", "add_57"),
    )
    assert len(read_model(made.data).operators) == 65 - 4 + 4 + 4


@pytest.mark.slow
def test_search_finds_the_recipe(mobilenet):
    """What MCUNetV2's authors chose by hand is what the search chooses."""
    assert (
        redistribute(mobilenet, None, 13, 4).edits == redistribute(mobilenet, "mobilenetv2-rd", 13, 4).edits
    )


def test_real_mobilenet(shared_models):
    path = shared_models / "coral-tf2-mbv2-100-224.tflite"
    if not path.is_file():
        pytest.skip(f"no {path.name}")
    made = redistribute(path, "mobilenetv2-rd", 13, 4)
    assert (made.before.stage.field, made.after.stage.field) == ((75, 75), (63, 63))
    assert made.after.stage.overhead_inside == pytest.approx(1.18, abs=0.005)


def test_overhead_is_that_of_the_plan(searched, small):
    request = Request("rereadable", "mcunetv2", "memory", patches=4, layers=LAYERS)
    planned = planned_unpruned(small, request)
    assert searched.before.overhead == pytest.approx(planned.overhead, abs=1e-6)
    assert searched.before.patched_arena_bytes == planned.arena_bytes


def test_figures_after_are_those_of_the_file_written(shared_models):
    """A network whose branches are put in another order before it is planned."""
    path = shared_models / "nxp-yolo-face-128x160.tflite"
    if not path.is_file():
        pytest.skip(f"no {path.name}")
    made = redistribute(path, patches=4)
    request = Request("rereadable", "mcunetv2", "memory", patches=4, layers=made.after.stage.layers)
    planned = planned_unpruned(made.data, request)
    assert made.after.patched_arena_bytes == planned.arena_bytes
    assert made.after.overhead == pytest.approx(planned.overhead, abs=1e-6)


def test_search_keeps_its_promises(searched, small, structure):
    before, after = searched.before, searched.after
    assert after.overhead < before.overhead
    assert abs(after.macs / before.macs - 1) <= 0.05
    assert all(a >= b for a, b in zip(after.field, before.field, strict=True))
    removed = sum(isinstance(e, RemoveBlock) for e in searched.edits)
    added = sum(isinstance(e, InsertBlock) for e in searched.edits)
    assert added >= removed
    blocks = residual_blocks(import_tflite(searched.data).canonical)
    assert len(blocks) == len(structure.blocks) - removed + added


def test_search_is_repeatable(searched, small):
    again = redistribute(small, layers=LAYERS, patches=4)
    assert again.edits == searched.edits
    assert again.data == searched.data


def test_search_from_the_smallest_stage(searched, small, monkeypatch):
    """With many choices the search starts from the smallest stage: here it finds the same overhead."""
    monkeypatch.setattr("tvm_patch.redistribution.search.MOST_LOOKED_AT", 1)
    quick = redistribute(small, layers=LAYERS, patches=4)
    assert quick.after.overhead == pytest.approx(searched.after.overhead, abs=0.01)


def test_costs_of_the_search_are_those_of_the_edits(front, structure):
    """What the search adds up is what the edited network has."""
    model, network = front.imported.canonical, front.describe()[1]
    stage = EarlyStage(model, network.operators[LAYERS - 1].outputs[0], 4)
    early = stage.look([e for choice in choices(structure, LAYERS) for e in choice[-1]][:1])
    late = LateOptions(structure, LAYERS)
    for wanted in (0, 150_000, 400_000):
        way = late.best(wanted, 10**9, (0.0, 0.0), 1 if wanted else 0)
        assert way is not None
        made = network_of(edit_model(model, [*early.edits, *way.edits]))
        assert made.macs == network.macs - stage.look(()).macs + early.macs + way.macs
        constants = network_of(edit_model(model, way.edits)).weight_bytes - network.weight_bytes
        assert constants == way.weight_bytes
        tensor = structure.blocks[-1].output
        last = structure_of(edit_model(model, way.edits), network_of(edit_model(model, way.edits)))
        gained = last.fields[last.blocks[-1].output].size[0] - structure.fields[tensor].size[0]
        assert gained == way.field[0]


def test_a_redistributed_model_compiles_and_is_exact(searched):
    model = read_model(searched.data)
    inputs = random_input(model)
    artifact = compile_model(searched.data, name="net")
    result = artifact.run([inputs], board="host")
    np.testing.assert_array_equal(result.outputs[0][0], run_oracle(searched.data, inputs).outputs[0])


def test_whole_stage_is_one_patch(front):
    network = front.describe()[1]
    stage = patch_stage(network, LAYERS, 1)
    assert stage.overhead == 1.0
    assert patch_stage(network, LAYERS, 4).overhead < patch_stage(network, LAYERS, 4).overhead_inside


@pytest.mark.parametrize(("layers", "patches"), [(0, 2), (99, 2), (3, 0), (3, 1000)])
def test_stages_that_cannot_be(front, layers, patches):
    with pytest.raises(PlanError):
        patch_stage(front.describe()[1], layers, patches)


def test_nothing_to_shrink(small):
    with pytest.raises(UserError, match=r"\(1 operators\) can be shrunk"):
        redistribute(small, layers=1, patches=2)


def test_recipe_for_another_network(small):
    with pytest.raises(
        UserError, match=r"wants \[1, 2, 3, 2, 2\] residual blocks in its stages, model has \[1, 2\]"
    ):
        redistribute(small, "mobilenetv2-rd", LAYERS, 4)
