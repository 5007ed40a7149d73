"""An architecture as a Keras model."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import keras
import numpy as np
from keras import layers

from tvm_patch.errors import UserError
from tvm_patch.nas.architecture import Architecture, Bottleneck
from tvm_patch.nas.space import Subnet
from tvm_patch.nas.training.quantization_aware import Ranges, RoundedConv, RoundedDense, RoundedDepthwise
from tvm_patch.nas.training.supernet import EPSILON, Norm, SuperNetwork
from tvm_patch.zoo.blocks import make_divisible

_MEMORY = 0.95
"""Of the moments: what a batch leaves of those before it.  Short trainings are the rule here; Keras's 0.99 is slow."""


def keras_model(
    architecture: Architecture, *, folded: bool = False, bits: int = 0, seed: int = 0
) -> keras.Model:
    """Return the model of an architecture.

    Layers are named ``stem``, ``block0_expand``, ``block0_depthwise``, ``block0_reduce``, ``block0_restore``,
    ``block0_project``, ``head``, and ``dense`` or ``boxes``; what normalizes one ends in ``_norm``.

    Parameters
    ----------
    architecture : Architecture
    folded : bool
        Convolutions have biases instead of batch normalization; see :func:`fold`.
    bits : int
        Of weights, where the model rounds them and its activations as an int8 network does; it is folded then.
    seed : int
        Of the weights.

    Returns
    -------
    keras.Model
        float32 (N, resolution, resolution, colors), as :func:`~tvm_patch.nas.training.supernet.normalized` makes it, to
        float32 (N, classes): logits, or probabilities where the architecture ends in a softmax; or to the map of a
        detector, float32 (N, rows, columns, detector).
    """
    return _Builder(architecture, folded or bool(bits), bits, seed).build()


class _Builder:
    def __init__(self, architecture: Architecture, folded: bool, bits: int, seed: int) -> None:
        self.architecture, self.folded, self.bits = architecture, folded, bits
        self._seed = seed * 10_000
        rounding = {"bits": bits} if bits else {}
        self._conv2d = partial(RoundedConv if bits else layers.Conv2D, **rounding)
        self._depthwise2d = partial(RoundedDepthwise if bits else layers.DepthwiseConv2D, **rounding)
        self._dense = partial(RoundedDense if bits else layers.Dense, **rounding)

    def build(self) -> keras.Model:
        a = self.architecture
        picture = x = keras.Input((a.resolution, a.resolution, a.colors), name="input")
        x = self._conv(x, "stem", a.stem, 3, 2)
        for index, block in enumerate(a.blocks):
            x = self._block(x, f"block{index}", block)
        if a.head:
            x = self._conv(x, "head", a.head)
        if a.detector:
            boxes = self._conv2d(
                a.detector, 1, kernel_initializer=keras.initializers.RandomNormal(stddev=0.01), name="boxes"
            )
            return keras.Model(picture, boxes(x), name="searched")
        x = self._ranged(layers.GlobalAveragePooling2D(name="mean")(x), "mean")
        x = self._dense(a.classes, kernel_initializer="zeros", name="dense")(x)
        if a.softmax:
            x = layers.Softmax(name="softmax")(x)
        return keras.Model(picture, x, name="searched")

    def _block(self, x: keras.KerasTensor, name: str, block: Bottleneck) -> keras.KerasTensor:
        before = x.shape[-1]
        y = x
        if block.expand != 1:
            y = self._conv(y, f"{name}_expand", make_divisible(before * block.expand))
        y = self._depthwise(y, f"{name}_depthwise", block.kernel, block.stride)
        if block.squeeze:
            y = self._squeeze(y, name, make_divisible(before * block.squeeze))
        y = self._conv(y, f"{name}_project", block.channels, linear=True)
        if block.stride == 1 and before == block.channels:
            y = self._ranged(layers.Add(name=f"{name}_add")([x, y]), f"{name}_add")
        return y

    def _squeeze(self, x: keras.KerasTensor, name: str, reduced: int) -> keras.KerasTensor:
        gate = self._ranged(
            layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean")(x), f"{name}_mean"
        )
        for part, channels, activation in (("reduce", reduced, "relu"), ("restore", x.shape[-1], "sigmoid")):
            full = f"{name}_{part}"
            conv = self._conv2d(
                channels, 1, activation=activation, kernel_initializer=self._initializer(), name=full
            )
            gate = self._ranged(conv(gate), full)
        return self._ranged(layers.Multiply(name=f"{name}_scale")([x, gate]), f"{name}_scale")

    def _conv(
        self,
        x: keras.KerasTensor,
        name: str,
        channels: int,
        kernel: int = 1,
        stride: int = 1,
        linear: bool = False,
    ) -> keras.KerasTensor:
        x, padding = self._padded(x, name, kernel, stride)
        conv = self._conv2d(
            channels,
            kernel,
            stride,
            padding,
            use_bias=self.folded,
            kernel_initializer=self._initializer(),
            name=name,
        )
        return self._finished(conv(x), name, linear)

    def _depthwise(self, x: keras.KerasTensor, name: str, kernel: int, stride: int) -> keras.KerasTensor:
        x, padding = self._padded(x, name, kernel, stride)
        conv = self._depthwise2d(
            kernel,
            stride,
            padding,
            use_bias=self.folded,
            # Each output sees one channel; Keras would count all of them.
            depthwise_initializer=keras.initializers.RandomNormal(
                stddev=float(np.sqrt(2) / kernel), seed=self._next_seed()
            ),
            name=name,
        )
        return self._finished(conv(x), name, linear=False)

    def _padded(
        self, x: keras.KerasTensor, name: str, kernel: int, stride: int
    ) -> tuple[keras.KerasTensor, str]:
        if self.architecture.padding == "symmetric" and stride > 1:
            return layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x), "valid"
        return x, "same"

    def _finished(self, x: keras.KerasTensor, name: str, linear: bool) -> keras.KerasTensor:
        if not self.folded:
            x = layers.BatchNormalization(momentum=_MEMORY, epsilon=EPSILON, name=f"{name}_norm")(x)
        if not linear:
            most = 6.0 if self.architecture.activation == "RELU6" else None
            x = layers.ReLU(most, name=f"{name}_relu")(x)
        return self._ranged(x, name)

    def _ranged(self, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        return Ranges(f"{name}_range")(x) if self.bits else x

    def _initializer(self) -> keras.initializers.Initializer:
        return keras.initializers.HeNormal(seed=self._next_seed())

    def _next_seed(self) -> int:
        self._seed += 1
        return self._seed


def fold(model: keras.Model, architecture: Architecture) -> keras.Model:
    """Return a model that computes the same without batch normalization: it is folded into weights and biases.

    Parameters
    ----------
    model : keras.Model
        Of the architecture, with batch normalization, or folded already.
    architecture : Architecture
    """
    made = keras_model(architecture, folded=True)
    norms = {layer.name: layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)}
    for layer in made.layers:
        weights = model.get_layer(layer.name).get_weights()
        norm = norms.get(f"{layer.name}_norm")
        if norm is not None:
            gamma, beta, mean, variance = norm.get_weights()
            scale = gamma / np.sqrt(variance + norm.epsilon)
            depthwise = isinstance(layer, layers.DepthwiseConv2D)
            kernel = weights[0] * (scale[:, None] if depthwise else scale)
            weights = [kernel, beta - mean * scale]
        layer.set_weights(weights)
    return made


def load_folded(path: Path, architecture: Architecture) -> keras.Model:
    """Return a folded model of an architecture with the weights of a Keras file.

    Parameters
    ----------
    path : Path
        As a search writes it: batch normalization is folded.
    architecture : Architecture

    Raises
    ------
    UserError
        When the file cannot be read, or is of another network; names the layer.
    """
    try:
        source = keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path} is no Keras model that can be read: {str(error).splitlines()[0]}") from error
    made = keras_model(architecture, folded=True)
    for layer in made.layers:
        if not layer.weights:
            continue
        shapes = [tuple(w.shape) for w in layer.weights]
        found = next((known for known in source.layers if known.name == layer.name), None)
        if found is None or [tuple(w.shape) for w in found.weights] != shapes:
            raise UserError(
                f"{path} has no layer {layer.name} of shapes {shapes}: it is of another architecture"
            )
        layer.set_weights(found.get_weights())
    return made


def copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Copy the weights of layers that two models have in common, by name: between a folded one and one that rounds."""
    for layer in source.layers:
        if layer.weights and not isinstance(layer, Ranges):
            target.get_layer(layer.name).set_weights(layer.get_weights())


def inherit(network: SuperNetwork, subnet: Subnet, seed: int = 0) -> keras.Model:
    """Return a subnet as a Keras model with the weights and the moments that the super network has for it.

    Parameters
    ----------
    network : SuperNetwork
        Recalibrated for this subnet.
    subnet : Subnet
    seed : int
        Of nothing but the model's initial values, all of which are replaced.
    """
    model = keras_model(network.space.architecture(subnet), seed=seed)
    batches = float(network.batches)

    def put(name: str, *weights: np.ndarray) -> None:
        model.get_layer(name).set_weights(list(weights))

    def put_norm(name: str, norm: Norm, channels: int) -> None:
        gamma, beta, mean, variance = (
            v.numpy()[:channels] for v in (norm.gamma, norm.beta, norm.mean, norm.variance)
        )
        put(f"{name}_norm", gamma, beta, mean / batches, variance / batches)

    put("stem", network.stem.numpy())
    put_norm("stem", network.stem_norm, network.space.stem_channels)
    used = [
        (block, use)
        for block, use in zip(network.blocks, network.uses(subnet).numpy(), strict=True)
        if use[0]
    ]
    for index, (block, use) in enumerate(used):
        kernel, inputs, inner, outputs, reduced = (int(u) for u in use)
        name = f"block{index}"
        if block.expand is not None and block.expand_norm is not None:
            put(f"{name}_expand", block.expand.numpy()[None, None, :inputs, :inner])
            put_norm(f"{name}_expand", block.expand_norm, inner)
        first = (block.place.kernel - kernel) // 2
        cropped = slice(first, first + kernel)
        put(f"{name}_depthwise", block.depthwise.numpy()[cropped, cropped, :inner])
        put_norm(f"{name}_depthwise", block.depthwise_norm, inner)
        if block.squeeze:
            reduce, reduce_bias, restore, restore_bias = (v.numpy() for v in block.squeeze)
            put(f"{name}_reduce", reduce[None, None, :inner, :reduced], reduce_bias[:reduced])
            put(f"{name}_restore", restore[None, None, :reduced, :inner], restore_bias[:inner])
        put(f"{name}_project", block.project.numpy()[None, None, :inner, :outputs])
        put_norm(f"{name}_project", block.project_norm, outputs)
    last = int(used[-1][1][3])
    if network.head is not None and network.head_norm is not None:
        put("head", network.head.numpy()[None, None, :last])
        last = network.space.head_channels
        put_norm("head", network.head_norm, last)
    dense = network.dense.numpy()[:last]
    if network.space.detector:
        put("boxes", dense[None, None], network.dense_bias.numpy())
    else:
        put("dense", dense, network.dense_bias.numpy())
    return model
