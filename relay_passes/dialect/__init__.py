"""The integer dialect: Relax operators ``tvm_patch.*`` with TFLite's exact int8 semantics, one file a family.

Stock Relax has no integer convolution with TFLite's rounding; quantized graphs arrive as dequantize -> float
operator -> quantize, which is not bit-exact.  ``LegalizeQuantized`` turns each such island into one call of an
operator defined here.  A call holds its activations and constants as arguments and everything else as attributes
(``DictAttrs`` of ints and int lists), so passes can read and rewrite it like any other Relax call.

A file says all of an operator: its definition (:class:`OpDef`) with the executable specification in numpy, and the
rule that finds it in quantized Relax.  Data movement (:mod:`relay_passes.dialect.movement`) needs no operator of its
own: the stock Relax operators are used on int8 tensors.
"""

import importlib
import pkgutil

from relay_passes.dialect.evaluate import evaluate
from relay_passes.dialect.movement import MOVES
from relay_passes.dialect.ops import OPS, OpDef, build_call, is_dialect_call, op_def

for _module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")  # runs its definitions and rules

__all__ = ["MOVES", "OPS", "OpDef", "build_call", "evaluate", "is_dialect_call", "op_def"]
