"""The part of the model builder that all operators share: tensors, constants, operators, quantization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tvm_patch.errors import UserError
from tvm_patch.tflite.checks import check_model, check_tensor
from tvm_patch.tflite.model import ITEM_SIZE, Model, Operator, Quantization, Tensor, tensor_where
from tvm_patch.tflite.operators import OPERATORS

Scale = float | Sequence[float] | np.ndarray


def make_quantization(scale: Scale, zero_point: int | Sequence[int] = 0, axis: int = 0) -> Quantization:
    """Return quantization parameters in the form the model keeps them.

    Parameters
    ----------
    scale : float or sequence of float
        One scale, or one for each slice along `axis`.
    zero_point : int or sequence of int
        One zero point for all, or as many as scales.
    axis : int
        Dimension of the scales.

    Returns
    -------
    Quantization
        Scales in float32, zero points in int64.
    """
    scales = np.atleast_1d(np.asarray(scale, np.float32)).copy()
    zero_points = np.broadcast_to(np.asarray(zero_point, np.int64), scales.shape).copy()
    scales.flags.writeable = zero_points.flags.writeable = False
    return Quantization(scales, zero_points, axis)


class BuilderBase:
    """Collects tensors and operators; the public class is :class:`tvm_patch.tflite.builder.ModelBuilder`.

    Parameters
    ----------
    name : str
        Name of the network.
    description : str
        Free text for the file.
    """

    def __init__(self, name: str = "main", description: str = "") -> None:
        self._name, self._description = name, description
        self._tensors: list[Tensor] = []
        self._operators: list[Operator] = []
        self._inputs: list[int] = []
        self._outputs: list[int] = []

    def tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: str = "int8",
        quantization: Quantization | None = None,
        data: np.ndarray | None = None,
    ) -> int:
        """Add a tensor and return its index.

        Parameters
        ----------
        name : str
            Its name.
        shape : sequence of int
            Its dimensions.
        dtype : str
            Its element type.
        quantization : Quantization, optional
            None for tensors that are not quantized.
        data : numpy.ndarray, optional
            Contents, which make it a constant.

        Raises
        ------
        UserError
            The tensor is one that no TFLite file can have.
        """
        if dtype not in ITEM_SIZE:
            raise UserError(f"{name}: no such element type: {dtype}")
        if data is not None:
            data = np.ascontiguousarray(data, np.dtype(dtype)).reshape(tuple(shape))
            data.flags.writeable = False
        tensor = Tensor(name, tuple(int(extent) for extent in shape), dtype, quantization, data)
        check_tensor(tensor, tensor_where(len(self._tensors), name))
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def input(
        self, name: str, shape: Sequence[int], scale: float = 1.0, zero_point: int = 0, dtype: str = "int8"
    ) -> int:
        """Add a model input and return its index; `scale` means nothing for float32 and bool."""
        quantization = None if dtype in ("float32", "bool") else make_quantization(scale, zero_point)
        index = self.tensor(name, shape, dtype, quantization)
        self._inputs.append(index)
        return index

    def constant(
        self,
        name: str,
        data: np.ndarray,
        scale: Scale | None = None,
        zero_point: int | Sequence[int] = 0,
        axis: int = 0,
    ) -> int:
        """Add a constant with the dtype and shape of `data` and return its index."""
        quantization = None if scale is None else make_quantization(scale, zero_point, axis)
        return self.tensor(name, data.shape, str(data.dtype), quantization, data)

    def operator(
        self, kind: str, inputs: Sequence[int], outputs: Sequence[int], options: dict[str, Any] | None = None
    ) -> None:
        """Add an operator.

        Parameters
        ----------
        kind : str
            TFLite's name.
        inputs, outputs : sequence of int
            Tensor indices; -1 for an absent optional input.
        options : dict, optional
            Options that are not at the schema's default.

        Raises
        ------
        UserError
            An option that the kind does not have.
        """
        facts = OPERATORS.get(kind)
        fields = facts.options.fields if facts is not None and facts.options is not None else ()
        full = {field.name: field.names[field.default] if field.names else field.default for field in fields}
        for key, value in (options or {}).items():
            if key not in full:
                raise UserError(f"{kind} has no option {key}")
            full[key] = value
        self._operators.append(Operator(kind, tuple(inputs), tuple(outputs), full, len(self._operators)))

    def output(self, tensor: int) -> None:
        """Make a tensor an output of the model."""
        self._outputs.append(tensor)

    def finish(self) -> Model:
        """Return the model.

        Raises
        ------
        ModelFormatError
            The graph is not one that could run, for example a tensor that nothing produces.
        """
        model = Model(
            tensors=tuple(self._tensors),
            operators=tuple(self._operators),
            inputs=tuple(self._inputs),
            outputs=tuple(self._outputs),
            description=self._description,
            name=self._name,
        )
        check_model(model)
        return model

    def shape(self, tensor: int) -> tuple[int, ...]:
        """Return the shape of a tensor."""
        return self._tensors[tensor].shape

    def dtype(self, tensor: int) -> str:
        """Return the element type of a tensor."""
        return self._tensors[tensor].dtype

    def quantization(self, tensor: int) -> tuple[float, int]:
        """Return scale and zero point of a tensor with one scale; UserError where it has none."""
        found = self._tensors[tensor].quantization
        if found is None:
            raise UserError(f"{tensor_where(tensor, self._tensors[tensor].name)} is not quantized")
        return float(found.scale[0]), int(found.zero_point[0])

    def _next_name(self, kind: str, name: str | None) -> str:
        """Return `name`, or one made of the kind and the operator's index."""
        return name or f"{kind.lower()}_{len(self._operators)}"

    def _apply(
        self,
        kind: str,
        inputs: Sequence[int],
        shape: Sequence[int],
        *,
        options: dict[str, Any] | None = None,
        scale: float | None = None,
        zero_point: int | None = None,
        dtype: str | None = None,
        name: str | None = None,
        like: int | None = None,
    ) -> int:
        """Add an operator with one output and return that.

        Its type and quantization are those of tensor `like`, by default the first input, where not given.
        """
        like = inputs[0] if like is None else like
        first = self._tensors[like]
        dtype = dtype or first.dtype
        quantization: Quantization | None
        if dtype in ("float32", "bool") or (first.quantization is None and scale is None):
            quantization = None
        elif scale is None and zero_point is None:
            quantization = first.quantization
        else:
            old_scale, old_zero_point = (1.0, 0) if first.quantization is None else self.quantization(like)
            quantization = make_quantization(
                old_scale if scale is None else scale, old_zero_point if zero_point is None else zero_point
            )
        output = self.tensor(self._next_name(kind, name), shape, dtype, quantization)
        self.operator(kind, inputs, [output], options)
        return output

    def _int32_constant(self, kind: str, role: str, values: Sequence[int] | np.ndarray) -> int:
        """Add a small int32 constant such as axes or paddings; the operator that uses it comes next."""
        return self.constant(self._next_name(kind, None) + "/" + role, np.asarray(values, np.int32))
