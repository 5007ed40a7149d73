"""Legalization rules, one kind of operator a file.

A rule takes an :class:`relay_passes.island.Island` and returns the expression that replaces it, or None when the
island is not of its kind.  :data:`RULES` lists them by the stock operator at the island's root; the first that
answers wins, so the ones that want more come first.
"""

from __future__ import annotations

from collections.abc import Callable

from relay_passes.island import Island
from relay_passes.legalize.arithmetic import arithmetic
from relay_passes.legalize.conv2d import conv2d
from relay_passes.legalize.depthwise_conv2d import depthwise_conv2d
from relay_passes.legalize.extremum import extremum, reduce_max
from relay_passes.legalize.fully_connected import fully_connected
from relay_passes.legalize.mean import mean
from relay_passes.legalize.movement import MOVEMENT, movement
from relay_passes.legalize.prelu import prelu
from relay_passes.legalize.resize import resize
from relay_passes.legalize.softmax import softmax
from relay_passes.legalize.transpose_conv2d import transpose_conv2d
from relay_passes.legalize.unary import hard_swish, leaky_relu, requantize, through_float, unary_function
from tvm_patch.tvm_types import Expr

Rule = Callable[[Island], Expr | None]

RULES: dict[str, tuple[Rule, ...]] = {
    # A bias looks like an addition, and PReLU is written as one.
    "relax.add": (conv2d, depthwise_conv2d, fully_connected, transpose_conv2d, prelu, arithmetic),
    "relax.nn.conv2d": (conv2d, depthwise_conv2d),
    "relax.nn.conv2d_transpose": (transpose_conv2d,),
    "relax.matmul": (fully_connected,),
    "relax.subtract": (arithmetic,),
    "relax.multiply": (arithmetic, through_float),
    "relax.divide": (hard_swish,),
    "relax.maximum": (extremum,),
    "relax.minimum": (extremum,),
    "relax.max": (reduce_max,),
    "relax.mean": (mean,),
    "relax.nn.softmax": (softmax,),
    "relax.image.resize2d": (resize,),
    "relax.sigmoid": (unary_function,),
    "relax.tanh": (unary_function,),
    "relax.nn.leakyrelu": (leaky_relu,),
    "relax.dequantize": (requantize,),
    **dict.fromkeys(MOVEMENT, (movement,)),
}
"""Rules by the operator at the root of an island (activations taken off)."""

__all__ = ["RULES", "Rule"]
