"""What specifications in numpy are written with."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from tvm_patch.graph import Operator

Array = npt.NDArray[Any]

__all__ = ["Array", "Operator", "int_list"]


def int_list(values: Any) -> list[int]:
    """Return an attribute as a list of plain ints."""
    return [int(v) for v in values]
