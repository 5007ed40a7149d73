"""How often a compiled network is right, sample by sample, beside the reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tvm_patch.driver.artifact import Artifact
from tvm_patch.driver.reference import find_reference
from tvm_patch.driver.session import Session
from tvm_patch.errors import InputError
from tvm_patch.nas.data.pictures import Pictures

LEVELS = (-1.0, 127 / 128)
"""What black and white are to a network of :mod:`tvm_patch.nas.training`: 1/128 a step."""
_BATCH = 64
"""Pictures that are decoded at once."""


@dataclass(frozen=True)
class Evaluation:
    """What a network said of a set of pictures.

    Attributes
    ----------
    confusion : tuple of tuple of int
        Pictures by their class and by what the network said.
    differing : int
        Pictures for which the outputs were not the reference's, bit for bit.
    oracle : str
        What it was compared with; empty where it was not.
    """

    confusion: tuple[tuple[int, ...], ...]
    differing: int
    oracle: str

    @property
    def count(self) -> int:
        """How many pictures there were."""
        return sum(map(sum, self.confusion))

    @property
    def accuracy(self) -> float:
        """The part that it was right about."""
        return sum(row[index] for index, row in enumerate(self.confusion)) / self.count

    @property
    def recalls(self) -> tuple[float | None, ...]:
        """The part of each class that it was right about; None for a class without pictures."""
        return tuple(row[i] / sum(row) if sum(row) else None for i, row in enumerate(self.confusion))


def evaluate(
    artifact: Artifact,
    model: bytes,
    pictures: Pictures,
    *,
    board: str = "host",
    as_board: str | None = None,
    limit: int | None = None,
    compare: bool = True,
    levels: tuple[float, float] = LEVELS,
    progress: Callable[[str, float], None] | None = None,
) -> Evaluation:
    """Run a classifier of pictures on a set of them.

    Parameters
    ----------
    artifact : Artifact
        Compiled for `board`.
    model : bytes
        The .tflite file that it was compiled from.
    pictures : Pictures
        With as many classes as the network has outputs.
    board : str
        What it runs on.
    as_board : str, optional
        Board whose memories an emulated one gets.
    limit : int, optional
        Only the first so many pictures.
    compare : bool
        Also run the reference, and count what differs.
    levels : tuple of float
        What black and white are to the network.
    progress : callable, optional
        Called with what is being done and the fraction done.

    Returns
    -------
    Evaluation

    Raises
    ------
    InputError
        When the network is no classifier of these pictures.
    """
    size = _check_interface(artifact, pictures)
    meta = artifact.metadata.inputs[0]
    count = len(pictures) if limit is None else min(limit, len(pictures))
    confusion = np.zeros((len(pictures.classes),) * 2, np.int64)
    differing = done = 0
    reference = find_reference(model, artifact.metadata.signature) if compare else None
    try:
        with Session(board=board, artifact=artifact, as_board=as_board) as session:
            for batch, labels in pictures.batches(size, _BATCH):
                for picture, label in zip(batch[: count - done], labels, strict=False):
                    x = quantize(picture[None], meta.scale, meta.zero_point, levels).reshape(meta.shape)
                    scores = session.run([x]).outputs[0]
                    confusion[label, int(scores.ravel().argmax())] += 1
                    if reference is not None:
                        wanted = reference.oracle.run([x]).outputs[0]
                        differing += not np.array_equal(wanted.ravel(), scores.ravel())
                    done += 1
                if progress is not None:
                    progress("evaluate", done / count)
                if done == count:
                    break
    finally:
        if reference is not None:
            reference.oracle.close()
    return Evaluation(
        tuple(tuple(map(int, row)) for row in confusion), differing, reference.name if reference else ""
    )


def quantize(
    pictures: np.ndarray, scale: float, zero_point: int, levels: tuple[float, float] = LEVELS
) -> np.ndarray:
    """Return pictures, uint8, as a network's int8 input.

    Parameters
    ----------
    pictures : ndarray
    scale, zero_point
        Of the input.
    levels : tuple of float
        What black and white are to the network.
    """
    black, white = levels
    real = black + pictures.astype(np.float64) * ((white - black) / 255)
    return np.clip(np.round(real / scale) + zero_point, -128, 127).astype(np.int8)


def _check_interface(artifact: Artifact, pictures: Pictures) -> int:
    """Return the resolution of the network's pictures."""
    meta = artifact.metadata
    shapes = [list(t.shape) for t in (*meta.inputs, *meta.outputs)]
    wanted = f"pictures of {pictures.colors} channels and {len(pictures.classes)} classes"
    if len(meta.inputs) != 1 or len(meta.outputs) != 1:
        raise InputError(
            f"{len(meta.inputs)} inputs and {len(meta.outputs)} outputs; {wanted} need one of each"
        )
    entry, made = meta.inputs[0], meta.outputs[0]
    square = len(entry.shape) == 4 and entry.shape[1] == entry.shape[2]
    if not square or entry.shape[3] != pictures.colors or int(np.prod(made.shape)) != len(pictures.classes):
        raise InputError(f"the network takes {shapes[0]} and gives {shapes[1]}; {wanted} do not fit")
    if entry.dtype != "int8":
        raise InputError(f"the compiled input is {entry.dtype}; compile with io='int8'")
    return int(entry.shape[1])
