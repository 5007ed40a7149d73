"""QDQ module → .tflite: what comes back computes the same, and imports as the same module."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.relay_passes.builders import assert_same
from tests.unit.relay_passes.mobile import random_input
from tests.unit.relay_passes.models import EDGES, OURS_ONLY, STOCK_TOO, single
from tvm_patch.errors import UnsupportedError
from tvm_patch.frontend import import_tflite
from tvm_patch.frontend.export import export_model
from tvm_patch.oracle import run_oracle
from tvm_patch.tflite.builder import ModelBuilder
from tvm_patch.tflite.reader import read_model
from tvm_patch.tflite.writer import write_model
from tvm_patch.zoo.registry import build

BUILDS = STOCK_TOO | OURS_ONLY | EDGES
REFUSED = (
    "transpose_conv2d",
    "prelu",
    "strided_slice",
    "take",
    "tile",
    "arg_max",
    "maximum",
    "minimum",
    "of floats",
)


def same_function(before: bytes, after: bytes) -> bool:
    """Tell whether LiteRT's reference computes the same with both, for random input."""
    inputs = random_input(read_model(before))
    pairs = zip(run_oracle(before, inputs).outputs, run_oracle(after, inputs).outputs, strict=True)
    return all(a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in pairs)


@pytest.mark.parametrize("name", BUILDS)
def test_every_operator_is_written_or_refused(name):
    before = write_model(single(BUILDS[name]))
    module = import_tflite(before).module
    if name == "quantize_to_the_same":  # nothing is left of it, and TFLite has no empty models
        return
    try:
        after = write_model(export_model(module))
    except UnsupportedError as error:
        refusal = error
    else:
        assert same_function(before, after)
        return
    assert any(word in refusal.what for word in REFUSED), refusal
    assert refusal.where.startswith("tensor '")


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
def test_round_trip_of_networks(name, options):
    before = write_model(build(name, **options))
    imported = import_tflite(before)
    model = export_model(imported.module)
    after = write_model(model)
    assert same_function(before, after)
    assert [o.kind for o in model.operators] == [o.kind for o in imported.model.operators]
    assert_same(import_tflite(after).module, imported.module)


@pytest.mark.parametrize("name", ["mlperf-vww-96", "mcunet-vww1-tinyengine-80", "openmv-fomo-face-96"])
def test_round_trip_of_real_networks(shared_models, name):
    path = shared_models / f"{name}.tflite"
    if not path.is_file():
        pytest.skip(f"no {path.name}")
    imported = import_tflite(path)
    model = export_model(imported.module)
    assert same_function(path.read_bytes(), write_model(model))
    for ports in ("inputs", "outputs"):
        assert [model.tensors[i].name for i in getattr(model, ports)] == [
            imported.model.tensors[i].name for i in getattr(imported.model, ports)
        ]


def test_padding_that_tflite_has_no_word_for():
    b = ModelBuilder()
    x = b.input("x", (1, 8, 8, 3), 0.05, -3)
    weight = np.ones((4, 3, 3, 3), np.int8)
    y = b.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    b.output(b.conv2d(y, weight, np.zeros(4, np.int32), 0.01, 0.1, 2, stride=2, padding="VALID"))
    before = write_model(b.finish())
    model = export_model(import_tflite(before).module)
    assert [o.kind for o in model.operators] == ["PAD", "CONV_2D"]
    assert same_function(before, write_model(model))
