"""Scales that fixed-point arithmetic can work with.

LiteRT rescales by ``multiplier / 2**31 * 2**shift`` in int32.  Where a shift leaves 31 bits its result is undefined, so
there is nothing to be identical to; no network that was calibrated comes near.
"""

from __future__ import annotations

from tvm_patch.tflite.model import quoted
from tvm_patch.tflite.operators import OPERATORS
from tvm_patch.tflite.rules import EIGHT_BITS, largest
from tvm_patch.tflite.use import Use

_LARGEST_RATIO = 2.0**30
_SCALES = (2.0**-60, 2.0**60)
_CALIBRATE = "calibrate the network again"

_BOUNDS = {
    o.kind: o.bound for o in OPERATORS.values() if o.bound is not None
}  # fused activations have the same names


def check_scales(use: Use) -> None:
    """Raise UnsupportedError when the scales of an operator's tensors are absurd by themselves or together."""
    tensors = [t for t in (*use.inputs, *use.outputs) if t is not None and t.dtype in EIGHT_BITS]
    for tensor in tensors:
        if tensor.quantization is not None and not _SCALES[0] <= largest(tensor) <= _SCALES[1]:
            raise use.refuse(
                f"tensor {quoted(tensor.name)} has scale {largest(tensor):g}, which no calibration gives",
                _CALIBRATE,
            )
    step = OPERATORS[use.op.kind].step
    if step is not None:
        _check_ratio(use, step(use))
    _check_bound(use)


def _check_ratio(use: Use, real: float) -> None:
    inputs = [t for t in use.inputs if t is not None and t.dtype in EIGHT_BITS]
    output = use.outputs[0]
    if not real / largest(output) < _LARGEST_RATIO:
        names = ", ".join(quoted(t.name) for t in inputs)
        raise use.refuse(
            f"tensor {quoted(output.name)} has scale {largest(output):g}, too fine for values up to {real:g} a step "
            f"from {names}",
            _CALIBRATE,
        )


def _check_bound(use: Use) -> None:
    """Check that the bound of an activation is an int32 in steps of the output, which LiteRT wants as well."""
    activation = use.op.options.get("fused_activation_function", "NONE")
    bound = _BOUNDS.get(activation) or _BOUNDS.get(use.op.kind)
    if bound and bound / largest(use.outputs[0]) >= _LARGEST_RATIO:
        raise use.refuse(
            f"tensor {quoted(use.outputs[0].name)} has scale {largest(use.outputs[0]):g}, too fine for a clamp to "
            f"{bound:g}",
            _CALIBRATE,
        )
