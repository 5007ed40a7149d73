"""Which kernel compiles which operator for which target."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any, TypeVar

from tvm_patch.errors import UnsupportedError
from tvm_patch.graph import Operator
from tvm_patch.kernels.base import Kernel, RowReduction
from tvm_patch.targets import Isa, Target

K = TypeVar("K", bound=Kernel)
_Table = dict[tuple[str, Isa], list[type[K]]]

_KERNELS: _Table[Kernel] = {}
_REDUCTIONS: _Table[RowReduction] = {}
_loaded = False


def register(cls: type[K]) -> type[K]:
    """Class decorator: add a kernel for each of its ``kinds``, written in its ``isa``."""
    _add(_KERNELS, cls)
    return cls


def register_reduction(cls: type[K]) -> type[K]:
    """Class decorator: add a row reduction for each of its ``kinds``, written in its ``isa``."""
    _add(_REDUCTIONS, cls)
    return cls


def _add(table: _Table[Any], cls: type[Kernel]) -> None:
    """Add a class behind those of higher rank.

    Raises
    ------
    TypeError
        When another one has its rank: which of them is asked first would depend on the order of imports.
    """
    for kind in cls.kinds:
        known = table.setdefault((kind, cls.isa), [])
        same = [c.__name__ for c in known if c.rank == cls.rank]
        if same:
            raise TypeError(
                f"{cls.__name__} and {same[0]} compile {kind} in {cls.isa} with one rank, {cls.rank}"
            )
        known.append(cls)
        known.sort(key=lambda c: -c.rank)


def _load_all() -> None:
    """Import every module of this package once, so that its ``@register`` lines run."""
    global _loaded  # noqa: PLW0603
    if not _loaded:
        package = importlib.import_module("tvm_patch.kernels")
        for module in pkgutil.walk_packages(package.__path__, "tvm_patch.kernels."):
            importlib.import_module(module.name)
        _loaded = True


def _first(table: _Table[K], op: Operator, target: Target) -> type[K] | None:
    _load_all()
    for isa in target.isas:
        for cls in table.get((op.kind, isa), ()):
            if cls.accepts(op) and cls.suits(op, target):
                return cls
    return None


def kernel_for(op: Operator, target: Target, config: Mapping[str, Any] | None = None) -> Kernel:
    """Return the kernel that compiles `op` for a target: of its best isa that has one, the one of highest rank.

    Parameters
    ----------
    op : Operator
    target : Target
        What the code will run on.
    config : mapping, optional
        Parameters that differ from the kernel's own.

    Raises
    ------
    UnsupportedError
        When no kernel accepts the operator.
    """
    cls = _first(_KERNELS, op, target)
    if cls is None:
        shapes = ", ".join(str(t.shape) for t in op.inputs)
        raise UnsupportedError(f"no kernel for {op.kind} with inputs {shapes}", f"binding {op.name}")
    return cls(op, {**cls.config_for(op, target), **(config or {})})


def reduction_for(
    op: Operator, target: Target, config: Mapping[str, Any] | None = None
) -> RowReduction | None:
    """Return the kernel that computes `op` while the rows of its input go by, or None where there is none.

    Such an operator can also be compiled by :func:`kernel_for`, with the same bits, from a stored tensor.
    """
    cls = _first(_REDUCTIONS, op, target)
    return None if cls is None else cls(op, {**cls.config_for(op, target), **(config or {})})
