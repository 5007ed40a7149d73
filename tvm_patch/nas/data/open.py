"""From a name or a folder to a task: what lies there is recognised by its layout."""

from __future__ import annotations

from pathlib import Path

from tvm_patch.errors import InputError
from tvm_patch.nas.data.coco import coco_lists, visual_wake_words
from tvm_patch.nas.data.digits import Digits
from tvm_patch.nas.data.files import opened
from tvm_patch.nas.data.folders import class_folders
from tvm_patch.nas.data.pictures import Task
from tvm_patch.nas.data.speech import is_speech, speech_commands
from tvm_patch.nas.data.voc import voc, voc_folders
from tvm_patch.nas.data.wider import LISTS, wider_face
from tvm_patch.nas.detection.digits import digits_detection
from tvm_patch.nas.detection.scenes import DetectionTask
from tvm_patch.nas.detection.sets import Fit

DIGITS, DIGITS_DETECTION = "digits", "digits-detection"
"""Tasks that are made."""


def open_task(
    source: Path | str, *, seed: int = 0, colors: int | None = None, fit: Fit = "stretch"
) -> Task | DetectionTask:
    """Return the task that a name or a folder stands for; its notes say what was recognised.

    Parameters
    ----------
    source : path
        ``digits``, ``digits-detection``, or a folder (``./digits`` is one) or zip file: Visual Wake Words as COCO's
        annotations, Pascal VOC, WIDER FACE, Speech Commands, or pictures in a folder for each class.
    seed : int
        Of what is made, and of parts that a folder does not have.
    colors : int, optional
        1 or 3; by default 1 for what is made and 3 for pictures.  Sound always has 1.
    fit : {"stretch", "letterbox"}
        How pictures with boxes become squares.

    Raises
    ------
    InputError
        When nothing is recognised, or it is empty or broken; names the first bad file and counts the others.
    ToolMissingError
        When a package is missing; says which extra has it.
    """
    if seed < 0:
        raise InputError(f"a seed of {seed}; give 0 or more")
    if source == DIGITS:
        return Digits(seed, colors or 1).task()
    if source == DIGITS_DETECTION:
        return digits_detection(digits=Digits(seed, colors or 1))
    place = Path(source)
    folder = opened(place)
    pictures = 3 if colors is None else colors
    if coco_lists(folder):
        return visual_wake_words(place, seed=seed, colors=pictures)
    if (folder / LISTS).is_dir():
        return wider_face(place, seed=seed, colors=pictures, fit=fit)
    if voc_folders(folder):
        return voc(place, seed=seed, colors=pictures, fit=fit)
    if is_speech(folder):
        if colors == 3:
            raise InputError(f"{place} holds sound, whose pictures have one channel; leave the channels out")
        return speech_commands(place, seed=seed)
    return class_folders(place, seed=seed, colors=pictures)
