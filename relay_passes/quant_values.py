"""Quantized operands as legalization rules see them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tvm_patch.tvm_types import Expr


@dataclass(frozen=True)
class QuantParams:
    """Scale and zero point of a tensor quantized as a whole.

    Attributes
    ----------
    scale : float
        The float32 scale, held exactly in a Python float.
    zero_point : int
    dtype : str
    """

    scale: float
    zero_point: int
    dtype: str

    def same_grid(self, other: QuantParams) -> bool:
        """Tell whether a number means the same in both (bit for bit, not nearly)."""
        return self == other


@dataclass(frozen=True)
class QuantTensor:
    """A quantized operand of an island.

    Attributes
    ----------
    expr : relax.Expr
        The integer tensor in the function being built (a literal when `value` is given).
    params : QuantParams
    shape : tuple of int
    value : ndarray or None
        Content, when known at compile time.
    """

    expr: Expr
    params: QuantParams
    shape: tuple[int, ...]
    value: np.ndarray | None = None

    @property
    def scale(self) -> float:
        """float32 scale as a Python float."""
        return self.params.scale

    @property
    def zero_point(self) -> int:
        """Zero point."""
        return self.params.zero_point

    @property
    def dtype(self) -> str:
        """Integer dtype."""
        return self.params.dtype


@dataclass(frozen=True)
class QuantConstant:
    """A dequantized literal: integers with a scale per tensor or along one axis.

    Attributes
    ----------
    value : ndarray
        Integers, in the layout that the float operator reads.
    scales : ndarray of float32
        One, or one for every index along the quantized axis.
    zero_point : int
    """

    value: np.ndarray
    scales: np.ndarray
    zero_point: int
