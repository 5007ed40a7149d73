"""One use of an operator: what its tensors are, as far as that is known before the network runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from tvm_patch.errors import UnsupportedError
from tvm_patch.tflite.model import Operator, Tensor, quoted

Shape = tuple[int, ...]

_LONGEST = 300
RECONVERT = "convert the network again with static shapes"
CORRUPT = "the file is damaged or was edited: convert the network again"
OUTSIDE = "cut it off, and compute it before the inputs or after the outputs of the network"
FULL_INT8 = "convert with full-integer quantization (a representative dataset and TFLITE_BUILTINS_INT8)"
WAYS_OUT = {
    "float32": FULL_INT8,
    "float16": FULL_INT8,
    "int16": f"{FULL_INT8}, not 16x8",
    "uint8": "convert again with int8 quantization; uint8 is fine at inputs and outputs behind QUANTIZE",
}
"""What to do about a tensor of a type that an operator is not compiled for."""


class Role(Enum):
    """What an input is to its operator."""

    DATA = "data"
    """An activation; of a movement or of all of an operator's data never a constant."""
    SLOPE = "slope"
    """A constant that is calculated with like an activation (PRELU's alpha)."""
    WEIGHT = "weight"
    BIAS = "bias"
    NUMBERS = "numbers"
    """A constant of integers that say what to do: axes, sizes, indices."""
    VALUE = "value"
    """A constant with the scale and zero point of the data (what PADV2 pads with)."""

    @property
    def calculated(self) -> bool:
        """Whether its scale and zero point are those of an activation."""
        return self in (Role.DATA, Role.SLOPE)

    @property
    def constant(self) -> bool:
        """Whether it must be known before the network runs."""
        return self is not Role.DATA


@dataclass(frozen=True)
class Use:
    """An operator and its tensors.

    Attributes
    ----------
    op : Operator
    roles : tuple of Role
        One an input, in the order of :attr:`inputs`.
    inputs : tuple of Tensor or None
        None where an optional input is absent.  Constants computed from constants carry their value.
    outputs : tuple of Tensor
    """

    op: Operator
    roles: tuple[Role, ...]
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]

    @property
    def where(self) -> str:
        """The operator as messages name it: index, kind and the tensor it makes."""
        if not self.outputs:
            return self.op.where
        return f"{self.op.where} making tensor {quoted(self.outputs[0].name)}"

    def refuse(self, what: str, way_out: str = CORRUPT) -> UnsupportedError:
        """Return the error for something about this operator, of which there may be thousands of numbers to show."""
        what = what if len(what) <= _LONGEST else what[:_LONGEST] + "..."
        return UnsupportedError(what, self.where, way_out)

    def tensor(self, position: int) -> Tensor:
        """Return an input that must be there."""
        tensor = self.inputs[position] if position < len(self.inputs) else None
        if tensor is None:
            raise self.refuse(f"input {position} is missing")
        return tensor

    def optional(self, position: int) -> Tensor | None:
        """Return an input that may be absent."""
        return self.inputs[position] if position < len(self.inputs) else None

    @property
    def data(self) -> list[Tensor]:
        """The inputs that are calculated with: activations, and constants in their place."""
        return [self.tensor(i) for i, role in enumerate(self.roles) if role.calculated]

    def position(self, role: Role) -> int | None:
        """Return the position of the first input that has a role and is there, or None."""
        found = (i for i, r in enumerate(self.roles) if r is role and self.inputs[i] is not None)
        return next(found, None)

    def values(self) -> list[np.ndarray] | None:
        """Return the values of all inputs, or None when one depends on the network's input."""
        values = [t.data for t in self.inputs if t is not None]
        known = [v for v in values if v is not None]
        return known if known and len(known) == len(values) else None

    def shape(self, position: int, rank: int | None = None) -> Shape:
        """Return the shape of an input, which must have `rank` dimensions if that is given."""
        tensor = self.tensor(position)
        if rank is not None and len(tensor.shape) != rank:
            raise self.refuse(
                f"tensor {quoted(tensor.name)} has shape {list(tensor.shape)}, but {rank} dimensions are needed"
            )
        return tensor.shape

    def ints(self, position: int, count: int | None = None, wide: bool = False) -> list[int]:
        """Return an input of int32 numbers that must be known.

        Parameters
        ----------
        position : int
            Which input.
        count : int, optional
            How many numbers there must be.
        wide : bool
            Whether int64 will do as well.
        """
        tensor = self.tensor(position)
        name = quoted(tensor.name)
        if tensor.dtype not in (("int32", "int64") if wide else ("int32",)):
            raise self.refuse(f"tensor {name} is {tensor.dtype}, not int32")
        if tensor.data is None:
            raise self.refuse(f"input {position} ({name}) is computed, not constant", "make it constant")
        if count is not None and tensor.size != count:
            raise self.refuse(f"tensor {name} has {tensor.size} numbers instead of {count}")
        return [int(v) for v in tensor.data.reshape(-1)]

    def axis(self, value: int, rank: int) -> int:
        """Return an axis that may count from the end as one that does not."""
        if not -rank <= value < rank:
            raise self.refuse(f"axis {value} of a tensor with {rank} dimensions")
        return value % rank

    def number(self, option: str, least: int = 1, most: int = 32767) -> int:
        """Return an option, which must lie in a range; LiteRT has these in 16 bits."""
        value = int(self.op.options[option])
        if not least <= value <= most:
            raise self.refuse(f"{option} is {value}, not between {least} and {most}")
        return value

    def want(self, tensor: Tensor, dtypes: Sequence[str]) -> None:
        """Raise unless the tensor has one of the types that can be compiled."""
        if tensor.dtype in dtypes:
            return
        subject = self.op.kind
        if tensor.dtype in ("int32", "int64", "bool"):
            subject = f"integer arithmetic in {subject}"
        what = f"{subject} is not supported: tensor {quoted(tensor.name)} is {tensor.dtype}"
        raise self.refuse(what, WAYS_OUT.get(tensor.dtype, OUTSIDE))

    def agree(self, tensor: Tensor, dtype: str) -> None:
        """Raise unless the tensor has the type that the operator gives it."""
        if tensor.dtype != dtype:
            raise self.refuse(f"tensor {quoted(tensor.name)} is {tensor.dtype}, not {dtype}")
