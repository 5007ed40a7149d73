"""Registry of evaluators by operator kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class TensorLike(Protocol):
    """Shape and dtype of a tensor, as :class:`tvm_patch.kernels.TensorView` has them."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Dimensions."""

    @property
    def dtype(self) -> str:
        """Element type, numpy's name."""


class Operator(Protocol):
    """What evaluators read of an operator; :class:`tvm_patch.kernels.OpView` is one."""

    @property
    def kind(self) -> str:
        """Short name in the dialect, or of the stock Relax operator."""

    @property
    def constants(self) -> Mapping[str, Array]:
        """Constant arguments by the dialect's argument name."""

    @property
    def attrs(self) -> Mapping[str, Any]:
        """Attributes of the call."""

    @property
    def outputs(self) -> Sequence[TensorLike]:
        """Output tensors; only ``reshape`` reads them."""


Evaluator = Callable[[Operator, dict[str, Array]], Array | list[Array]]

_EVALUATORS: dict[str, tuple[tuple[str, ...] | None, Evaluator]] = {}


def register(kind: str, *arguments: str, variadic: bool = False) -> Callable[[Evaluator], Evaluator]:
    """Register a function as the evaluator of `kind`.

    The function gets the operator and its arguments by name: the constants, and the activations under those
    of `arguments` that are not constants, in order.  A `variadic` operator gets them as "0", "1", ...
    """

    def decorate(function: Evaluator) -> Evaluator:
        _EVALUATORS[kind] = (None if variadic else arguments, function)
        return function

    return decorate


def kinds() -> tuple[str, ...]:
    """Return the operator kinds that :func:`evaluate` knows, sorted."""
    return tuple(sorted(_EVALUATORS))


def evaluate(op: Operator, inputs: Sequence[Array]) -> list[Array]:
    """Return the outputs of one operator.

    Parameters
    ----------
    op : Operator
        An ``OpView`` or anything with its kind, constants, attrs and outputs.
    inputs : sequence of ndarray
        Activations in argument order, constants left out.

    Returns
    -------
    list of ndarray

    Raises
    ------
    KeyError
        When the kind is unknown.
    ValueError
        When the number of inputs does not fit, or an accumulator leaves int32 (LiteRT's result is then
        undefined).
    """
    arguments, function = _EVALUATORS[op.kind]
    activations = [np.asarray(x) for x in inputs]
    if arguments is None:
        named = {str(i): x for i, x in enumerate(activations)}
    else:
        free = [a for a in arguments if a not in op.constants]
        if len(free) != len(activations):
            raise ValueError(f"{op.kind} takes {free} besides its constants, got {len(activations)} inputs")
        named = dict(zip(free, activations, strict=True))
    result = function(op, {**{k: np.asarray(v) for k, v in op.constants.items()}, **named})
    return result if isinstance(result, list) else [result]


def int_list(values: Any) -> list[int]:
    """Return an attribute as a list of plain ints."""
    return [int(v) for v in values]
