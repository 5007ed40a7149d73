"""A TFLite model as plain Python data: what the reader returns and the writer takes.

Nothing here knows the file format.  Tensors and operators refer to each other by index into the model's
lists, as in the file, so that messages can name the same numbers that other tools show.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

#: Bytes of one element of each dtype that numpy can hold as is.
ITEM_SIZE: dict[str, int] = {
    "bool": 1,
    "int8": 1,
    "uint8": 1,
    "int16": 2,
    "uint16": 2,
    "float16": 2,
    "int32": 4,
    "uint32": 4,
    "float32": 4,
    "int64": 8,
    "uint64": 8,
    "float64": 8,
}


_SHOWN_NAME = 80  # characters of a name in a message; converters make names of hundreds


def _shortened(name: str) -> str:
    return name[: _SHOWN_NAME - 3] + "..." if len(name) > _SHOWN_NAME else name


def tensor_where(index: int, name: str) -> str:
    """Return how messages name a tensor: its index, and its name where it has one, cut where very long."""
    return f"tensor {index} ({_shortened(name)})" if name else f"tensor {index}"


def quoted(name: str) -> str:
    """Return a name in quotes for a message: cut where very long, on one line, nothing a terminal obeys."""
    return ascii(_shortened(name))


@dataclass(frozen=True, eq=False)
class Quantization:
    """Affine quantization: ``real = scale * (q - zero_point)``.

    Parameters
    ----------
    scale : numpy.ndarray
        float32, shape ``(1,)`` for the whole tensor or ``(channels,)`` for one scale a slice along `axis`.
    zero_point : numpy.ndarray
        int64, same shape as `scale`.
    axis : int
        Dimension that the scales run along; without meaning where there is only one.
    """

    scale: np.ndarray
    zero_point: np.ndarray
    axis: int = 0

    @property
    def per_channel(self) -> bool:
        """Whether there is more than one scale."""
        return self.scale.size > 1

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Quantization):
            return NotImplemented
        return (
            self.axis == other.axis
            and np.array_equal(self.scale, other.scale)
            and np.array_equal(self.zero_point, other.zero_point)
        )

    __hash__ = None  # type: ignore[assignment]  # holds arrays


@dataclass(frozen=True, eq=False)
class Tensor:
    """One tensor of the graph.

    Parameters
    ----------
    name : str
        Name in the file; may be empty or repeated.
    shape : tuple of int
        Dimensions; ``()`` is a scalar.
    dtype : str
        numpy's name (``"int8"``, ``"float32"``, ...) or, for types numpy does not hold as is, TFLite's in
        lower case (``"string"``, ``"int4"``, ``"resource"``, ...); those never reach an operator.
    quantization : Quantization, optional
        None where the file gives no scale.
    data : numpy.ndarray, optional
        Contents of a constant, of `shape` and `dtype`, read-only; None for activations.
    is_variable : bool
        State that survives between inferences.  The reader refuses such models.
    shape_signature : tuple of int, optional
        `shape` with -1 for dimensions that the file leaves open; None where the file has no signature.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    quantization: Quantization | None = None
    data: np.ndarray | None = None
    is_variable: bool = False
    shape_signature: tuple[int, ...] | None = None

    @property
    def is_constant(self) -> bool:
        """Whether the contents are in the file."""
        return self.data is not None

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the contents; KeyError for a dtype that numpy does not hold as is."""
        return self.size * ITEM_SIZE[self.dtype]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tensor):
            return NotImplemented
        if (self.data is None) != (other.data is None):
            return False
        # Contents are compared as bytes: a NaN in a float constant must equal itself.
        same_data = self.data is None or (
            other.data is not None
            and self.data.dtype == other.data.dtype
            and self.data.shape == other.data.shape
            and self.data.tobytes() == other.data.tobytes()
        )
        return (
            same_data
            and self.name == other.name
            and self.shape == other.shape
            and self.dtype == other.dtype
            and self.quantization == other.quantization
            and self.is_variable == other.is_variable
            and self.shape_signature == other.shape_signature
        )

    __hash__ = None  # type: ignore[assignment]  # holds arrays


@dataclass(frozen=True)
class Operator:
    """One operator of the graph.

    Parameters
    ----------
    kind : str
        TFLite's name, for example ``"CONV_2D"``; ``"CUSTOM"`` where `custom_code` says which.
    inputs : tuple of int
        Tensor indices; -1 where an optional input is absent.
    outputs : tuple of int
        Tensor indices.
    options : dict
        Options by their snake_case names, as bool, int, float, str or tuple of int; enumerations are strings
        (``padding="SAME"``, ``fused_activation_function="RELU6"``).  Empty for kinds without a table.
    index : int
        Position in the model's operator list.
    custom_code : str
        Name of a custom operator, else empty.
    """

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict)
    index: int = 0
    custom_code: str = ""

    @property
    def where(self) -> str:
        """The operator as error messages name it."""
        kind = f"{self.kind} {self.custom_code[:_SHOWN_NAME]}" if self.custom_code else self.kind
        return f"operator {self.index} ({kind})"


@dataclass(frozen=True)
class Model:
    """A network: subgraph 0 of a TFLite file.

    Parameters
    ----------
    tensors : tuple of Tensor
        All tensors, in the file's order.
    operators : tuple of Operator
        In run order.
    inputs, outputs : tuple of int
        Tensor indices.
    description : str
        Free text of the file.
    version : int
        Schema version, 3 for every TFLite file in use.
    name : str
        Name of the subgraph; may be empty.
    signature : str or None
        Name of the signature that this is, where the file has several to choose from.
    mended : bool
        Whether it differs from what the file says.
    notes : tuple of str
        What was mended in the file and what was chosen of it, in words for its user.
    """

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    description: str = ""
    version: int = 3
    name: str = ""
    signature: str | None = None
    mended: bool = field(default=False, compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)
