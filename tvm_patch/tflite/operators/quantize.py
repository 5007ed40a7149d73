"""QUANTIZE and DEQUANTIZE."""

from __future__ import annotations

from typing import Any

from tvm_patch.tflite.operators.base import TfliteOperator, register
from tvm_patch.tflite.rules import EIGHT_BITS, same_shape
from tvm_patch.tflite.schema import OptionsTable
from tvm_patch.tflite.use import Role, Use


def _quantize_types(use: Use) -> None:
    use.want(use.tensor(0), ("float32", *EIGHT_BITS))
    use.want(use.outputs[0], EIGHT_BITS)


def _dequantize_types(use: Use) -> None:
    use.want(use.tensor(0), EIGHT_BITS)
    use.want(use.outputs[0], ("float32",))


def _convert_quantize(c: Any) -> Any:
    """Behind a DEQUANTIZE it rounds in float, which a factor of 1 says in QDQ form."""
    result = c.stock()
    if c.made_by(0) != "DEQUANTIZE":
        return result
    return c.quantized(c.relax.op.multiply(c.data(), c.relax.const(1.0, "float32")))


register(
    TfliteOperator(
        "QUANTIZE",
        inputs=(Role.DATA,),
        options=OptionsTable(89),
        version=2,
        foreign=True,
        types=_quantize_types,
        shape=same_shape,
        convert=_convert_quantize,
    ),
    TfliteOperator(
        "DEQUANTIZE",
        inputs=(Role.DATA,),
        options=OptionsTable(38),
        version=2,
        foreign=True,
        types=_dequantize_types,
        shape=same_shape,
        step=None,
    ),
)
