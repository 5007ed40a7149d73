"""What redistribution writes: the model computes the same as the file, but for edits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.redistribution.mobile import mobile_network, random_input
from tests.unit.relay_passes.models import EDGES, OURS_ONLY, STOCK_TOO, single
from tvm_patch.driver.redistribute import named_as_in_file
from tvm_patch.frontend import import_tflite
from tvm_patch.oracle import run_oracle
from tvm_patch.redistribution.blocks import residual_blocks
from tvm_patch.redistribution.edit_model import edit_model
from tvm_patch.redistribution.edits import InsertBlock
from tvm_patch.redistribution.wiring import Wiring, pruned
from tvm_patch.tflite.reader import read_model
from tvm_patch.tflite.writer import write_model
from tvm_patch.zoo.registry import build

BUILDS = STOCK_TOO | OURS_ONLY | EDGES


def written(before: bytes, edits=()) -> bytes:
    imported = import_tflite(before)
    return write_model(named_as_in_file(edit_model(imported.canonical, edits), imported))


def port_names(data: bytes) -> list[str]:
    model = read_model(data)
    return [model.tensors[i].name for i in (*model.inputs, *model.outputs)]


def same_function(before: bytes, after: bytes) -> bool:
    """Tell whether LiteRT's reference computes the same with both, for random input."""
    inputs = random_input(read_model(before))
    pairs = zip(run_oracle(before, inputs).outputs, run_oracle(after, inputs).outputs, strict=True)
    return all(a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in pairs)


@pytest.mark.parametrize("name", BUILDS)
def test_every_operator_is_written(name):
    before = write_model(single(BUILDS[name]))
    assert same_function(before, written(before))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mobilenet_v2", {"width": 0.35, "resolution": 64}),
        ("mcunet_vww0", {"resolution": 48}),
        ("mnasnet_a1", {"width": 0.35, "resolution": 64}),
        ("mlperf_kws", {}),
        ("mlperf_ad", {}),
    ],
)
def test_networks(name, options):
    before = write_model(build(name, **options))
    after = written(before)
    assert same_function(before, after)
    assert [o.kind for o in read_model(after).operators] == [o.kind for o in read_model(before).operators]


@pytest.mark.parametrize("name", ["mlperf-vww-96", "mcunet-vww1-tinyengine-80", "openmv-fomo-face-96"])
def test_real_networks(shared_models, name):
    path = shared_models / f"{name}.tflite"
    if not path.is_file():
        pytest.skip(f"no {path.name}")
    before = path.read_bytes()
    after = written(before)
    assert same_function(before, after)
    assert port_names(after) == port_names(before)


def test_output_keeps_its_name_behind_an_inserted_block():
    model = import_tflite(write_model(mobile_network())).canonical
    block = residual_blocks(model)[-1].output
    before = write_model(pruned(replace(model, outputs=(Wiring(model).named[block],))))
    after = written(before, [InsertBlock(block, block)])
    assert port_names(after) == port_names(before)
    names = [t.name for t in read_model(after).tensors]
    assert len(set(names)) == len(names)
    assert same_function(before, after)
