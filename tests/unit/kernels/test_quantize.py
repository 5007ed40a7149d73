from __future__ import annotations

import numpy as np

from tests.unit.kernels.batch import check, make_case, run_c
from tests.unit.kernels.randoms import int8, scale, zero_point
from tvm_patch.graph import Operator, Tensor
from tvm_patch.targets import HOST, TIR


def test_quantize_rounds_halves_away_from_zero(tmp_path):
    rng = np.random.default_rng(1)
    cases = []
    for dtype, offset in (("int8", 0), ("uint8", 128)):
        for shape in ((1, 3, 4, 5), (1, 400), (2, 3, 4, 5)):
            s = scale(rng)
            data = rng.normal(0, 80 * s, shape).astype(np.float32)
            attrs = {"scale": s, "zero_point": zero_point(rng) + offset, "dtype": dtype}
            cases.append(make_case("quantize", [data], attrs))
        ties = (np.arange(-300, 300, dtype=np.float32) + np.float32(0.5)) * np.float32(0.25)
        near = np.nextafter(np.repeat(ties, 2), np.tile(np.float32([-np.inf, np.inf]), ties.size))
        tiny = np.float32([0.0, -0.0, 1e-38, -1e-38, 0.12499999, -0.12499999])
        attrs = {"scale": 0.25, "zero_point": 3 + offset, "dtype": dtype}
        cases.append(make_case("quantize", [np.concatenate([ties, near, tiny]).astype(np.float32)], attrs))
    check(cases, tmp_path)


def test_quantize_saturates_and_defines_nan(tmp_path):
    data = np.float32([np.nan, np.inf, -np.inf, 3e38, -3e38, 1e10, -1e10])
    case = make_case("quantize", [data[1:]], {"scale": 1e-3, "zero_point": -5, "dtype": "int8"})
    inputs, outputs = (Tensor("x", (7,), "float32"),), (Tensor("y", (7,), "int8"),)
    case.op = Operator("quantize", "q", inputs, outputs, {}, case.op.attrs)
    case.inputs = [data]
    for target in (TIR, HOST):
        assert run_c([case], target, tmp_path)[0][0].tolist() == [-128, 127, -128, 127, -128, 127, -128]


def test_dequantize(tmp_path):
    rng = np.random.default_rng(2)
    cases = []
    for shape in ((1, 3, 4, 5), (1, 256), (2, 3, 4, 5)):
        for dtype, offset in (("int8", 0), ("uint8", 128)):
            attrs = {"scale": scale(rng), "zero_point": zero_point(rng) + offset}
            cases.append(make_case("dequantize", [int8(rng, shape).view(dtype)], attrs))
    check(cases, tmp_path)
