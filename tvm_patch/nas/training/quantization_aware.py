"""Training that knows of quantization: weights and activations are rounded as the int8 network will round them.

Source: Jacob et al. 2018, "Quantization and training of neural networks for efficient integer-arithmetic-only
inference", section 3.  Batch normalization is folded before: its moments stay what they were.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import layers

_SPEED = 0.02
"""By how much a batch moves the range of an activation."""


class Ranges(layers.Layer):
    """Rounds activations to 256 steps between a least and a greatest value that follow the batches.

    Attributes
    ----------
    low, high : Variable
        The range; it always has 0 in it.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self.low = self.add_weight(shape=(), initializer="zeros", trainable=False, name="low")
        self.high = self.add_weight(shape=(), initializer="zeros", trainable=False, name="high")

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return `x` rounded; its gradient is that of `x` within the range."""
        if training:
            low, high = tf.minimum(tf.reduce_min(x), 0.0), tf.maximum(tf.reduce_max(x), 0.0)
            # The first batch says all there is to say.
            speed = tf.where(self.high.value > self.low.value, _SPEED, 1.0)
            self.low.assign(self.low + speed * (low - self.low))
            self.high.assign(self.high + speed * (high - self.high))
        return tf.quantization.fake_quant_with_min_max_vars(x, self.low.value, self.high.value)


def rounded(weight: tf.Tensor, axes: list[int], bits: int) -> tf.Tensor:
    """Return weights rounded to signed steps of one size for each filter; their gradient is that of `weight`.

    Parameters
    ----------
    weight : Tensor
    axes : list of int
        Over which a filter extends.
    bits : int
        8 or 4: steps from -127 to 127, or from -7 to 7.
    """
    most = 2.0 ** (bits - 1) - 1
    step = tf.maximum(tf.reduce_max(tf.abs(weight), axes, keepdims=True), 1e-12) / most
    return weight + tf.stop_gradient(tf.round(weight / step) * step - weight)


class RoundedConv(layers.Conv2D):
    """A convolution whose filters are rounded.

    Parameters
    ----------
    bits : int
        Of weights.
    **kwargs
        Of Keras's layer.
    """

    def __init__(self, *args: Any, bits: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._bits = bits

    @property
    def kernel(self) -> Any:
        """The filters as the quantized network has them."""
        return rounded(super().kernel, [0, 1, 2], self._bits)


class RoundedDepthwise(layers.DepthwiseConv2D):
    """A depthwise convolution whose filters are rounded; see :class:`RoundedConv`."""

    def __init__(self, *args: Any, bits: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._bits = bits

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Return the convolution with filters as the quantized network has them, and the bias."""
        kernel = rounded(self.kernel, [0, 1], self._bits)
        strides, padding = self.strides, self.padding
        return keras.ops.depthwise_conv(inputs, kernel, strides, padding) + self.bias


class RoundedDense(layers.Dense):
    """A dense layer whose weights are rounded; see :class:`RoundedConv`."""

    def __init__(self, *args: Any, bits: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._bits = bits

    @property
    def kernel(self) -> Any:
        """The weights as the quantized network has them."""
        return rounded(super().kernel, [0], self._bits)
