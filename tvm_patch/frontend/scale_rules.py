"""Scales that fixed-point arithmetic can work with.

LiteRT rescales by ``multiplier / 2**31 * 2**shift`` in int32.  Where a shift leaves 31 bits its result is undefined, so
there is nothing to be identical to; no network that was calibrated comes near.
"""

from __future__ import annotations

from tvm_patch.frontend.names import words
from tvm_patch.frontend.use import Use
from tvm_patch.tflite.model import Tensor, quoted

_LARGEST_RATIO = 2.0**30
_SCALES = (2.0**-60, 2.0**60)
_CALIBRATE = "calibrate the network again"

# Kinds that take another way: they copy, compare, or go through floats.
_UNSCALED = words(
    "RESHAPE SQUEEZE EXPAND_DIMS TRANSPOSE CONCATENATION SPLIT SPLIT_V STRIDED_SLICE PACK GATHER TILE SHAPE PAD PADV2 "
    "ARG_MAX DEQUANTIZE SOFTMAX LOGISTIC TANH"
)
_PRODUCTS = words("CONV_2D DEPTHWISE_CONV_2D TRANSPOSE_CONV FULLY_CONNECTED MUL")
_BOUNDED = {"RELU6": 6.0, "RELU_N1_TO_1": 1.0}


def check_scales(use: Use) -> None:
    """Raise UnsupportedError when the scales of an operator's tensors are absurd by themselves or together."""
    tensors = [t for t in (*use.inputs, *use.outputs) if t is not None and t.dtype in ("int8", "uint8")]
    for tensor in tensors:
        if tensor.quantization is not None and not _SCALES[0] <= _largest(tensor) <= _SCALES[1]:
            raise use.refuse(
                f"tensor {quoted(tensor.name)} has scale {_largest(tensor):g}, which no calibration gives",
                _CALIBRATE,
            )
    if use.op.kind not in _UNSCALED:
        _check_ratio(use)
    _check_bound(use)


def _largest(tensor: Tensor) -> float:
    """Return the largest magnitude of a tensor's scales; 1 where it has none."""
    return 1.0 if tensor.quantization is None else float(abs(tensor.quantization.scale).max())


def _check_ratio(use: Use) -> None:
    inputs = [t for t in use.inputs if t is not None and t.dtype in ("int8", "uint8")]
    scales = [_largest(t) for t in inputs]
    output = use.outputs[0]
    if use.op.kind in _PRODUCTS:
        real = scales[0] * scales[1]
    elif use.op.kind == "PRELU":
        real = scales[0] * max(1.0, scales[1])
    else:
        real = max(scales, default=0.0) * max(1.0, abs(float(use.op.options.get("alpha", 1.0))))
    if not real / _largest(output) < _LARGEST_RATIO:
        names = ", ".join(quoted(t.name) for t in inputs)
        raise use.refuse(
            f"tensor {quoted(output.name)} has scale {_largest(output):g}, too fine for values up to {real:g} a step "
            f"from {names}",
            _CALIBRATE,
        )


def _check_bound(use: Use) -> None:
    """Check that the bound of an activation is an int32 in steps of the output, which LiteRT wants as well."""
    activation = use.op.options.get("fused_activation_function", "NONE")
    bound = _BOUNDED.get(activation) or _BOUNDED.get(use.op.kind)
    if bound and bound / _largest(use.outputs[0]) >= _LARGEST_RATIO:
        raise use.refuse(
            f"tensor {quoted(use.outputs[0].name)} has scale {_largest(use.outputs[0]):g}, too fine for a clamp to "
            f"{bound:g}",
            _CALIBRATE,
        )
