"""Average precision of a compiled detector, picture by picture beside the reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tvm_patch.driver.artifact import Artifact
from tvm_patch.driver.evaluate import quantize
from tvm_patch.driver.reference import find_reference
from tvm_patch.driver.session import Session
from tvm_patch.errors import InputError
from tvm_patch.nas.detection.head import Detections, Head
from tvm_patch.nas.detection.scenes import Scenes
from tvm_patch.nas.detection.score import Score, score

_BATCH = 16
"""Pictures that are decoded at once."""


@dataclass(frozen=True)
class DetectorEvaluation:
    """What a detector found.

    Attributes
    ----------
    score : Score
        Average precision, in all and by class.
    found : tuple of Detections
        In every picture.
    differing : int
        Pictures for which the outputs were not the reference's, bit for bit.
    """

    score: Score
    found: tuple[Detections, ...]
    differing: int


def evaluate_detector(
    artifact: Artifact,
    model: bytes,
    head: Head,
    scenes: Scenes,
    *,
    board: str = "host",
    as_board: str | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> DetectorEvaluation:
    """Run a compiled detector on pictures with boxes.

    Parameters
    ----------
    artifact : Artifact
        Compiled for `board`.
    model : bytes
        The .tflite file that it was compiled from.
    head : Head
        How its output says boxes.
    scenes : Scenes
    board, as_board : str
        What it runs on, and whose memories that gets.
    progress : callable, optional
        Called with what is being done and the fraction done.

    Raises
    ------
    InputError
        When the network is no detector with this head for these pictures.
    """
    entry, made = artifact.metadata.inputs[0], artifact.metadata.outputs[0]
    if len(entry.shape) != 4 or entry.shape[3] != scenes.colors or made.shape[-1] != head.channels:
        raise InputError(
            f"the network takes {list(entry.shape)} and gives {list(made.shape)}; pictures of {scenes.colors} channels "
            f"and a head of {head.channels} channels do not fit"
        )
    outputs = []
    differing = 0
    with (
        find_reference(model, artifact.metadata.signature) as reference,
        Session(board=board, artifact=artifact, as_board=as_board) as session,
    ):
        for batch, _ in scenes.batches(int(entry.shape[1]), _BATCH):
            for picture in batch:
                x = quantize(picture[None], entry.scale, entry.zero_point)
                said = session.run([x]).outputs[0]
                differing += not np.array_equal(reference.oracle.run([x]).outputs[0], said)
                outputs.append((said.astype(np.float32) - made.zero_point) * np.float32(made.scale))
            if progress is not None:
                progress("evaluate", len(outputs) / len(scenes))
    found = head.decode(np.concatenate(outputs))
    return DetectorEvaluation(score(found, scenes.boxes, scenes.classes), found, differing)
