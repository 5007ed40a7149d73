"""A super network: one set of weights from which every subnet of a space takes its part.

A subnet uses the middle of every kernel, the first channels of every layer and the first blocks of every stage.  What
it uses is a *tensor*, so that one traced function serves all subnets and costs what the subnet costs: kernels are
cropped, channels sliced, blocks skipped by ``tf.cond``, height and width are open.

Sources: Once-for-All (Cai et al. 2020), section 3; MCUNet (Lin et al. 2020), section 3.1; MCUNetV2 (Lin et al. 2021),
supplement B.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from tvm_patch.nas.space import Space, Subnet
from tvm_patch.nas.training.places import Place, Use, places_of, uses_of

Mode = Literal["train", "collect", "infer"]
"""Normalize by the batch; by the batch, and add its moments up; by the moments that were added up."""
EPSILON = 1e-3
"""Of batch normalization, as Keras has it."""


class Norm(tf.Module):
    """Batch normalization of the first channels of a tensor.

    Parameters
    ----------
    name : str
    channels : int
        At most.
    """

    def __init__(self, name: str, channels: int) -> None:
        super().__init__()
        self.gamma = tf.Variable(tf.ones(channels), name=f"{name}/gamma")
        self.beta = tf.Variable(tf.zeros(channels), name=f"{name}/beta")
        self.mean = tf.Variable(tf.zeros(channels), trainable=False, name=f"{name}/mean")
        self.variance = tf.Variable(tf.zeros(channels), trainable=False, name=f"{name}/variance")

    def __call__(self, x: tf.Tensor, channels: tf.Tensor, mode: Mode, batches: tf.Variable) -> tf.Tensor:
        """Return `x` normalized.

        Parameters
        ----------
        x : Tensor
            float32 (N, H, W, `channels`).
        channels : Tensor
            int32 scalar.
        mode : {"train", "collect", "infer"}
        batches : Variable
            How many batches the moments are the sum of.
        """
        gamma, beta = self.gamma[:channels], self.beta[:channels]
        if mode == "infer":
            mean, variance = self.mean[:channels] / batches, self.variance[:channels] / batches
            scale = gamma * tf.math.rsqrt(variance + EPSILON)
            return x * scale + (beta - mean * scale)
        empty = tf.zeros(0)
        y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x, scale=gamma, offset=beta, mean=empty, variance=empty, epsilon=EPSILON, is_training=True
        )
        if mode == "collect":
            rest = [[0, self.mean.shape[0] - channels]]
            self.mean.assign_add(tf.pad(mean, rest))
            self.variance.assign_add(tf.pad(variance, rest))
        return y


class Block(tf.Module):
    """The weights of a block.

    Parameters
    ----------
    place : Place
    new : callable
        Makes a weight: name, shape, fan-in.
    """

    def __init__(self, place: Place, new: Callable[[str, tuple[int, ...], int], tf.Variable]) -> None:
        super().__init__()
        self.place = place
        name = f"stage{place.stage}/block{place.number}"
        k = place.kernel
        self.expand = self.expand_norm = None
        if place.expands:
            self.expand = new(f"{name}/expand", (place.inputs, place.inner), place.inputs)
            self.expand_norm = Norm(f"{name}/expand", place.inner)
        self.depthwise = new(f"{name}/depthwise", (k, k, place.inner, 1), k * k)
        self.depthwise_norm = Norm(f"{name}/depthwise", place.inner)
        self.project = new(f"{name}/project", (place.inner, place.outputs), place.inner)
        self.project_norm = Norm(f"{name}/project", place.outputs)
        self.squeeze: tuple[tf.Variable, ...] = ()
        if place.reduced:
            self.squeeze = (
                new(f"{name}/reduce", (place.inner, place.reduced), place.inner),
                tf.Variable(tf.zeros(place.reduced), name=f"{name}/reduce_bias"),
                new(f"{name}/restore", (place.reduced, place.inner), place.reduced),
                tf.Variable(tf.zeros(place.inner), name=f"{name}/restore_bias"),
            )

    @property
    def norms(self) -> list[Norm]:
        """Its batch normalizations, in run order."""
        return [n for n in (self.expand_norm, self.depthwise_norm, self.project_norm) if n is not None]

    def __call__(self, x: tf.Tensor, use: tf.Tensor, mode: Mode, batches: tf.Variable) -> tf.Tensor:
        """Return the block's output, as a subnet uses it: `use` has the fields of :class:`Use`, int32."""
        kernel, inputs, inner, outputs, reduced = tf.unstack(use, num=len(Use._fields))
        y = x
        if self.expand is not None and self.expand_norm is not None:
            y = pointwise(y, self.expand[:inputs, :inner])
            y = tf.nn.relu6(self.expand_norm(y, inner, mode, batches))
        first = (self.place.kernel - kernel) // 2
        window = self.depthwise[first : first + kernel, first : first + kernel, :inner]
        stride = self.place.stride
        y = tf.nn.depthwise_conv2d(y, window, [1, stride, stride, 1], "SAME")
        y = tf.nn.relu6(self.depthwise_norm(y, inner, mode, batches))
        if self.squeeze:
            reduce, reduce_bias, restore, restore_bias = self.squeeze
            gate = tf.reduce_mean(y, [1, 2])
            gate = tf.nn.relu(gate @ reduce[:inner, :reduced] + reduce_bias[:reduced])
            gate = tf.sigmoid(gate @ restore[:reduced, :inner] + restore_bias[:inner])
            y = y * gate[:, None, None, :]
        y = self.project_norm(pointwise(y, self.project[:inner, :outputs]), outputs, mode, batches)
        if stride == 1:
            y = tf.cond(tf.equal(inputs, outputs), lambda: x + y, lambda: y)
        return y


def pointwise(x: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Return a 1×1 convolution of `x`, float32 (N, H, W, C), with a weight (C, outputs)."""
    return tf.nn.conv2d(x, weight[None, None], 1, "VALID")


class SuperNetwork(tf.Module):
    """The weights of a space, and the functions of all its subnets.

    Parameters
    ----------
    space : Space
    seed : int
        Of the weights.

    Raises
    ------
    UserError
        When subnets of the space would have no weights in common.
    """

    def __init__(self, space: Space, seed: int = 0) -> None:
        super().__init__(name="supernet")
        self.space = space
        chance = np.random.default_rng(seed)

        def new(name: str, shape: tuple[int, ...], fan_in: int) -> tf.Variable:
            # He et al. 2015: as strong behind a rectifier as before.
            values = chance.standard_normal(shape) * np.sqrt(2 / fan_in)
            return tf.Variable(values.astype(np.float32), name=name)

        stem = space.stem_channels
        self.stem = new("stem", (3, 3, space.colors, stem), 9 * space.colors)
        self.stem_norm = Norm("stem", stem)
        self.blocks = [Block(place, new) for place in places_of(space)]
        last = self.blocks[-1].place.outputs
        self.head = self.head_norm = None
        if space.head_channels:
            self.head = new("head", (last, space.head_channels), last)
            self.head_norm = Norm("head", space.head_channels)
            last = space.head_channels
        classes = space.detector or space.classes
        # A detector that says nothing anywhere learns slowly; a classifier that takes no side learns well.
        dense = 0.01 * chance.standard_normal((last, classes)) * bool(space.detector)
        self.dense = tf.Variable(dense.astype(np.float32), name="dense")
        self.dense_bias = tf.Variable(tf.zeros(classes), name="dense_bias")
        self.batches = tf.Variable(0.0, trainable=False, name="batches")
        self._infer = self._function("infer")
        self._collect = self._function("collect")

    @property
    def norms(self) -> list[Norm]:
        """All batch normalizations, in run order."""
        inside = [norm for block in self.blocks for norm in block.norms]
        return [self.stem_norm, *inside, *([self.head_norm] if self.head_norm else [])]

    def uses(self, subnet: Subnet) -> tf.Tensor:
        """Return what a subnet uses of every block, for :meth:`features`: int32 (blocks, fields of ``Use``)."""
        return tf.constant(uses_of(self.space, subnet))

    def places_at(self, resolution: int) -> int:
        """Return rows and columns of the last maps of a picture of a resolution."""
        size = -(-resolution // 2)
        for stage in self.space.stages:
            size = -(-size // stage.stride)
        return size

    def logits(self, pictures: tf.Tensor, uses: tf.Tensor, mode: Mode) -> tf.Tensor:
        """Return what a subnet says of pictures.

        Parameters
        ----------
        pictures : Tensor
            uint8 (N, H, W, colors).
        uses : Tensor
            Of :meth:`uses`.
        mode : {"train", "collect", "infer"}

        Returns
        -------
        Tensor
            float32 (N, classes), or the map of a detector, float32 (N, rows, columns, detector).
        """
        x = tf.nn.conv2d(normalized(pictures), self.stem, 2, "SAME")
        x = tf.nn.relu6(self.stem_norm(x, self.space.stem_channels, mode, self.batches))
        for index, block in enumerate(self.blocks):
            use = uses[index]
            x = tf.cond(use[0] > 0, lambda x=x, b=block, u=use: b(x, u, mode, self.batches), lambda x=x: x)
        channels = uses[-1][3]
        if self.head is not None and self.head_norm is not None:
            x = pointwise(x, self.head[:channels])
            channels = self.space.head_channels
            x = tf.nn.relu6(self.head_norm(x, channels, mode, self.batches))
        if self.space.detector:
            return pointwise(x, self.dense[:channels]) + self.dense_bias
        return tf.reduce_mean(x, [1, 2]) @ self.dense[:channels] + self.dense_bias

    def recalibrate(self, subnet: Subnet, batches: Iterable[np.ndarray]) -> None:
        """Take the moments of batch normalization anew, from what this subnet makes of some batches.

        A subnet's activations are distributed otherwise than those of the subnet before it; without this its accuracy
        means nothing (Yu et al. 2018, slimmable networks).

        Parameters
        ----------
        subnet : Subnet
        batches : iterable of ndarray
            uint8 (N, resolution, resolution, colors).
        """
        for norm in self.norms:
            norm.mean.assign(tf.zeros_like(norm.mean))
            norm.variance.assign(tf.zeros_like(norm.variance))
        uses = self.uses(subnet)
        count = 0
        for batch in batches:
            self._collect(batch, uses)
            count += 1
        self.batches.assign(float(count))

    def predict(self, subnet: Subnet, pictures: np.ndarray) -> np.ndarray:
        """Return what a recalibrated subnet says of pictures; see :meth:`logits`."""
        return np.asarray(self._infer(pictures, self.uses(subnet)))

    def _function(self, mode: Mode) -> Any:
        colors = self.space.colors

        @tf.function(
            input_signature=[
                tf.TensorSpec((None, None, None, colors), tf.uint8),
                tf.TensorSpec((len(self.blocks), len(Use._fields)), tf.int32),
            ]
        )
        def run(pictures: tf.Tensor, uses: tf.Tensor) -> tf.Tensor:
            return self.logits(pictures, uses, mode)

        return run


def normalized(pictures: tf.Tensor) -> tf.Tensor:
    """Return pictures as the network sees them: uint8 to float32, from -1 to below 1.

    A step is 1/128: the quantized input is the byte with its highest bit turned over.
    """
    return tf.cast(pictures, tf.float32) / 128 - 1
