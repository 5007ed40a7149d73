from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tflite
from tvm import relax
from tvm.relax.frontend.tflite import from_tflite

from relay_passes.interface import interface_of
from relay_passes.straight_line import StraightLine
from tests.unit.relay_passes.models import OURS_ONLY, STOCK_TOO, file_of, single
from tvm_patch.errors import ModelFormatError
from tvm_patch.frontend import import_tflite
from tvm_patch.frontend.canonical import canonicalize
from tvm_patch.frontend.converter import PatchOperatorConverter
from tvm_patch.tflite.builder import ModelBuilder
from tvm_patch.tflite.writer import write_model


def network():
    m = ModelBuilder()
    x = m.input("serving_default_image:0", (1, 6, 6, 3), 0.5, 3)
    y = m.conv2d(
        x,
        np.ones((2, 3, 3, 3), np.int8),
        np.zeros(2, np.int32),
        0.01,
        0.1,
        -7,
        activation="RELU6",
        name="net/conv/Relu6",
    )
    m.output(m.add(y, y, 0.2, 1, name="net/sum"))
    return m.finish()


def test_bindings_carry_the_names_of_tensors():
    imported = import_tflite(write_model(network()))
    names = {var.name for var, _ in StraightLine.main_of(imported.module).bindings}
    assert {"net_conv_Relu6", "net_sum"} <= names
    assert imported.model.tensors[imported.sources["net_sum"]].name == "net/sum"
    (inside,), (outside,) = interface_of(imported.module)
    assert (inside.name, inside.tflite_name) == ("image", "serving_default_image:0")
    assert (outside.name, outside.scale, outside.zero_point) == ("net_sum", float(np.float32(0.2)), 1)


def test_from_a_path(tmp_path: Path):
    path = tmp_path / "net.tflite"
    path.write_bytes(write_model(network()))
    relax.analysis.well_formed(import_tflite(path).module)


def test_garbage_is_a_format_error():
    with pytest.raises(ModelFormatError):
        import_tflite(b"\x00" * 64)


def test_converter_works_in_the_stock_frontend():
    data = write_model(canonicalize(network()).model)
    module = from_tflite(tflite.Model.GetRootAsModel(data, 0), op_converter=PatchOperatorConverter)
    assert "net_sum" in {var.name for var, _ in StraightLine.main_of(module).bindings}


@pytest.mark.parametrize("name", [*STOCK_TOO, *OURS_ONLY])
def test_every_operator_gives_a_well_formed_module(name):
    model = single({**STOCK_TOO, **OURS_ONLY}[name])
    module = import_tflite(file_of(model)).module
    relax.analysis.well_formed(module)
    line = StraightLine.main_of(module)
    shapes = [tuple(int(d) for d in o.ty.shape) for o in line.outputs]
    assert shapes == [model.tensors[i].shape for i in model.outputs]
