"""A trained model as an int8 .tflite file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import keras
import numpy as np
import tensorflow as tf

from tvm_patch.nas.training.quiet import quiet
from tvm_patch.nas.training.supernet import normalized

_BLACK, _WHITE = 0, 255


def to_tflite(model: keras.Model, pictures: Iterable[np.ndarray]) -> bytes:
    """Return the int8 network of a model, as TensorFlow's converter quantizes it.

    Weights have a scale for each filter, activations one for each tensor, taken from what they are for some pictures.
    The input is the byte of the picture minus 128: black and white pictures are added, so that its scale is 1/128.

    Parameters
    ----------
    model : keras.Model
        float32 (N, resolution, resolution, colors) to float32 (N, classes).
    pictures : iterable of ndarray
        uint8 (N, resolution, resolution, colors), to see ranges of activations on.

    Returns
    -------
    bytes
        Of a .tflite file with int8 input (1, resolution, resolution, colors) and int8 output (1, classes).
    """
    shape = (1, *model.input_shape[1:])

    @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32, name="picture")])
    def serve(picture: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"scores": model(picture, training=False)}

    def samples() -> Iterator[list[tf.Tensor]]:
        for value in (_BLACK, _WHITE):
            yield [normalized(np.full(shape, value, np.uint8))]
        for batch in pictures:
            for picture in batch:
                yield [normalized(picture[None])]

    with quiet():
        converter = tf.lite.TFLiteConverter.from_concrete_functions([serve.get_concrete_function()])
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = samples
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        return bytes(converter.convert())
