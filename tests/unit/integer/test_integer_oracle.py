"""The LiteRT oracle: results, refusals and crashes."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np
import pytest
from lone import constant, lone_model, tensor

from tvm_patch.errors import InputError, ToolMissingError
from tvm_patch.oracle import Oracle, OracleRefusal, run_oracle


def relu_model() -> bytes:
    return lone_model("RELU", [tensor((1, 4), 0.1, 0)], [tensor((1, 4), 0.1, 0)])


@pytest.mark.parametrize("isolate", [False, True])
def test_runs_more_than_once(isolate: bool) -> None:
    with Oracle(relu_model(), preserve_all=True, isolate=isolate) as oracle:
        for sign in (1, -1):
            data = np.array([[1, -2, 3, -4]], np.int8) * np.int8(sign)
            result = oracle.run([data])
            np.testing.assert_array_equal(result.outputs[0], np.maximum(data, 0))
            np.testing.assert_array_equal(result.tensors[0], data)


def test_tensors_only_on_demand() -> None:
    assert run_oracle(relu_model(), [np.zeros((1, 4), np.int8)]).tensors == {}


@pytest.mark.parametrize("isolate", [False, True])
def test_wrong_inputs(isolate: bool) -> None:
    with Oracle(relu_model(), isolate=isolate) as oracle:
        with pytest.raises(InputError, match="1 inputs, got 2"):
            oracle.run([np.zeros((1, 4), np.int8)] * 2)
        with pytest.raises(InputError, match=r"int8\[1, 4\], got float32\[4\]"):
            oracle.run([np.zeros(4, np.float32)])


@pytest.mark.parametrize("isolate", [False, True])
def test_refusal(isolate: bool) -> None:
    # CONV_2D without bias: LiteRT's Prepare fails.
    model = lone_model(
        "CONV_2D",
        [tensor((1, 1, 1, 1), 0.1, 0), constant(np.ones((1, 1, 1, 1), np.int8), [0.1])],
        [tensor((1, 1, 1, 1), 0.1, 0)],
        padding="SAME",
        stride_h=1,
        stride_w=1,
    )
    with pytest.raises(OracleRefusal, match="refuses the model"):
        Oracle(model, isolate=isolate)
    with pytest.raises(OracleRefusal):
        Oracle(b"not a model at all", isolate=isolate)


def test_a_crash_is_a_refusal() -> None:
    # ADD whose output scale is too fine: LiteRT aborts the process in Prepare.
    model = lone_model(
        "ADD",
        [tensor((1, 4), 1.0, 0), tensor((1, 4), 1.0, 0)],
        [tensor((1, 4), 1e-7, 0)],
        fused_activation_function="NONE",
    )
    with pytest.raises(OracleRefusal, match="died of the model"):
        Oracle(model, isolate=True)


def test_without_litert(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("ai_edge_litert"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ToolMissingError, match=r"tvm-patch\[check\]"):
        Oracle(relu_model())
