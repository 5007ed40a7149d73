"""Build TFLite models in Python, operator by operator: for the zoo and for tests of single operators."""

from __future__ import annotations

from tvm_patch.tflite.build_base import make_quantization
from tvm_patch.tflite.build_layout import LayoutMethods
from tvm_patch.tflite.build_pointwise import PointwiseMethods
from tvm_patch.tflite.build_window import WindowMethods, pair, window_extent

__all__ = ["ModelBuilder", "make_quantization", "pair", "window_extent"]


class ModelBuilder(WindowMethods, PointwiseMethods, LayoutMethods):
    """Builds a :class:`~tvm_patch.tflite.model.Model`.

    Every method that adds an operator returns the index of its output tensor (``split`` and ``split_v`` a list)
    and works out the output's shape.  Tensors are named after their operator unless `name` is given.

    Parameters
    ----------
    name : str
        Name of the network.
    description : str
        Free text for the file.

    Examples
    --------
    >>> import numpy as np
    >>> b = ModelBuilder()
    >>> x = b.input("x", (1, 8, 8, 3), scale=0.05, zero_point=-3)
    >>> weight = np.ones((4, 3, 3, 3), np.int8)
    >>> y = b.conv2d(x, weight, np.zeros(4, np.int32), 0.01, 0.1, 2, stride=2, activation="RELU6")
    >>> b.output(y)
    >>> b.shape(y)
    (1, 4, 4, 4)
    >>> model = b.finish()
    """
