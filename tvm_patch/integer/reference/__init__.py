"""The executable specification: every operator of the dialect in numpy, bit-exact with LiteRT's BUILTIN_REF.

>>> outputs = evaluate(op, [data])  # op: anything with kind, constants, attrs and outputs, such as an OpView
"""

from tvm_patch.integer.reference import convolution, elementwise, movement, pooling, resize, softmax
from tvm_patch.integer.reference.registry import Operator, evaluate, kinds

__all__ = [
    "Operator",
    "convolution",
    "elementwise",
    "evaluate",
    "kinds",
    "movement",
    "pooling",
    "resize",
    "softmax",
]
