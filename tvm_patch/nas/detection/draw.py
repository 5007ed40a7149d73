"""Pictures with boxes drawn on them, for people to look at."""

from __future__ import annotations

import colorsys

import numpy as np

from tvm_patch.nas.data.resize import pillow, resized
from tvm_patch.nas.detection.boxes import Boxes
from tvm_patch.nas.detection.head import Detections


def draw_boxes(
    picture: np.ndarray, boxes: Boxes | Detections, classes: tuple[str, ...], scale: int = 1
) -> np.ndarray:
    """Return a picture in colours with its boxes, named and, where they were found, with how sure that is.

    Parameters
    ----------
    picture : array
        uint8 of shape (rows, columns, colors).
    boxes : Boxes or Detections
        Boxes that are ignored are drawn thin.
    classes : tuple of str
    scale : int
        By how much to enlarge it.
    """
    from PIL import ImageDraw

    rows, columns = picture.shape[0] * scale, picture.shape[1] * scale
    large = resized(picture, (rows, columns))
    canvas = pillow().fromarray(np.ascontiguousarray(np.broadcast_to(large, (rows, columns, 3))))
    pen = ImageDraw.Draw(canvas)
    for index in range(len(boxes) - 1, -1, -1):
        label = int(boxes.labels[index])
        color = tuple(round(255 * c) for c in colorsys.hsv_to_rgb(label / len(classes), 0.9, 1))
        left, top, right, bottom = (boxes.corners[index] * [columns, rows, columns, rows]).tolist()
        thin = isinstance(boxes, Boxes) and bool(boxes.ignored[index])
        pen.rectangle(
            (left, top, max(left, right - 1), max(top, bottom - 1)), outline=color, width=1 if thin else 2
        )
        sure = f" {boxes.scores[index]:.2f}" if isinstance(boxes, Detections) else ""
        pen.text((left + 3, top + 2), f"{classes[label]}{sure}", fill=color)
    return np.asarray(canvas)
