"""What a compiled model takes and gives; passes, artifact and driver say it with the same words."""

from __future__ import annotations

from typing import Literal

BorderMode = Literal["int8", "float"]
"""``int8``: QUANTIZE and DEQUANTIZE at the border are folded.  ``float``: the border is as in the .tflite file."""
