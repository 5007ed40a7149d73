"""Inputs for a run: arrays, pictures or random numbers, in the artifact's own types."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from tvm_patch.cli.pictures import DAMAGED, read_pixels
from tvm_patch.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from tvm_patch.artifact_metadata import BorderEntry, Metadata, ModelInputEntry, TensorEntry


class InputScale(str, Enum):
    """What pixels 0..255 become before they are quantized."""

    raw = "raw"
    zero_one = "01"
    minus_one_one = "-11"


def load_inputs(
    paths: Sequence[Path], metadata: Metadata, scale: InputScale | None = None
) -> list[np.ndarray]:
    """Read one file an input of the network.

    Parameters
    ----------
    paths : sequence of Path
        ``.npy`` arrays or pictures, in the order of the network's inputs.
    metadata : Metadata
        The artifact's.
    scale : InputScale, optional
        For pictures; guessed from the input's quantization otherwise.

    Raises
    ------
    InputError
        When a file cannot be read or does not fit the input.
    """
    mine, models = metadata.inputs, metadata.model_inputs
    if len(paths) != len(mine):
        names = ", ".join(f"{b.name} {list(b.shape)}" for b in mine)
        raise InputError(f"the network has {len(mine)} inputs ({names}), got {len(paths)} --input options")
    arrays = []
    for path, model, artifact in zip(paths, models, mine, strict=True):
        if not path.is_file():
            raise InputError(f"{path} does not exist")
        if path.suffix.lower() == ".npy":
            arrays.append(_from_array(path, model, artifact))
        else:
            arrays.append(_from_picture(path, model, artifact, scale))
    return arrays


def guess_scale(border: BorderEntry) -> InputScale:
    """Guess what pixels become from the range of real values that a quantized input can hold.

    Parameters
    ----------
    border : BorderEntry
        The input's.

    Raises
    ------
    InputError
        When the range is that of no usual picture.
    """
    low_q = {"int8": -128, "uint8": 0}.get(border.dtype)
    if low_q is not None and border.scale:
        low = (low_q - border.zero_point) * border.scale
        high = low + 255 * border.scale
        signed = low < -0.25 * high
        if high > 8 and not signed:
            return InputScale.raw
        if high <= 8:
            return InputScale.minus_one_one if signed else InputScale.zero_one
    raise InputError(
        f"cannot guess how pixels map to input {border.name!r}; say it with --input-scale raw, 01 or -11"
    )


def _from_array(path: Path, model: ModelInputEntry, artifact: TensorEntry) -> np.ndarray:
    import numpy as np

    from tvm_patch.driver.domain import in_shape_of, quantized, shape_in_model

    try:
        array = np.load(path, allow_pickle=False)
    except DAMAGED as error:
        raise InputError(f"{path} is not a readable .npy array: {error}; write it with numpy.save") from error
    if not isinstance(array, np.ndarray):
        raise InputError(f"{path} holds several arrays; give one .npy per input")
    # An array that fits both is the file's.
    in_file, shape = shape_in_model(artifact.shape, model), tuple(artifact.shape)
    if (1, *array.shape) in (in_file, shape) and array.shape not in (in_file, shape):
        array = array[np.newaxis]
    if array.shape not in (in_file, shape):
        wanted = " or ".join(dict.fromkeys(str(list(s)) for s in (in_file, shape)))
        raise InputError(f"{path} has shape {list(array.shape)}, input {artifact.name!r} has {wanted}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError(
            f"{path} has values that are not finite, which no quantized input {artifact.name!r} takes"
        )
    if array.dtype not in (artifact.dtype, model.dtype):
        wanted = " or ".join(dict.fromkeys((artifact.dtype, model.dtype)))
        raise InputError(f"{path} has dtype {array.dtype}, input {artifact.name!r} takes {wanted}")
    if array.shape == in_file:
        array = in_shape_of(array, model, artifact)
    array = np.ascontiguousarray(array)
    return array if array.dtype == artifact.dtype else quantized(array, model, artifact)


def _from_picture(
    path: Path, model: BorderEntry, artifact: TensorEntry, scale: InputScale | None
) -> np.ndarray:
    import numpy as np

    from tvm_patch.driver.domain import quantized
    from tvm_patch.integer.params import quantize_float

    shape = tuple(artifact.shape)
    if len(shape) != 4 or shape[0] != 1 or shape[3] not in (1, 3):
        raise InputError(
            f"input {artifact.name!r} of shape {list(shape)} does not take a picture; give a .npy"
        )
    chosen = scale or guess_scale(model if model.scale else artifact)
    pixels = read_pixels(path, shape[1], shape[2], shape[3])
    if chosen is InputScale.zero_one:
        pixels = pixels / np.float32(255)
    elif chosen is InputScale.minus_one_one:
        pixels = pixels / np.float32(127.5) - np.float32(1)
    if model.dtype != "float32":
        if model.scale:
            pixels = quantize_float(pixels, model.scale, model.zero_point, model.dtype)
        else:
            pixels = pixels.astype(model.dtype)
    return np.ascontiguousarray(quantized(pixels, model, artifact))
