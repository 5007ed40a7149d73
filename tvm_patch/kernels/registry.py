"""Which kernel compiles which operator."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any, TypeVar

from tvm_patch.errors import UnsupportedError
from tvm_patch.kernels.base import Kernel, OpView, RowReduction

_KERNELS: dict[str, list[type[Kernel]]] = {}
_REDUCTIONS: dict[str, list[type[RowReduction]]] = {}
_loaded = False

K = TypeVar("K", bound=type[Kernel])
R = TypeVar("R", bound=type[RowReduction])


def register(cls: K) -> K:
    """Class decorator: add a kernel for each of its ``kinds``; later registrations are asked first."""
    for kind in cls.kinds:
        _KERNELS.setdefault(kind, []).insert(0, cls)
    return cls


def register_reduction(cls: R) -> R:
    """Class decorator: add a row reduction for each of its ``kinds``; later registrations are asked first."""
    for kind in cls.kinds:
        _REDUCTIONS.setdefault(kind, []).insert(0, cls)
    return cls


def _load_all() -> None:
    """Import every module of this package once, so that its ``@register`` lines run."""
    global _loaded  # noqa: PLW0603
    if not _loaded:
        package = importlib.import_module("tvm_patch.kernels")
        for module in sorted(m.name for m in pkgutil.iter_modules(package.__path__)):
            importlib.import_module(f"tvm_patch.kernels.{module}")
        _loaded = True


def kernel_for(op: OpView, config: Mapping[str, Any] | None = None) -> Kernel:
    """Return the kernel that compiles `op`.

    Raises
    ------
    UnsupportedError
        When no kernel accepts the operator.
    """
    _load_all()
    for cls in _KERNELS.get(op.kind, ()):
        if cls.accepts(op):
            return cls(op, config)
    shapes = ", ".join(str(t.shape) for t in op.inputs)
    raise UnsupportedError(f"no kernel for {op.kind} with inputs {shapes}", f"binding {op.name}")


def reduction_for(op: OpView, config: Mapping[str, Any] | None = None) -> RowReduction | None:
    """Return the kernel that computes `op` while the rows of its input go by, or None where there is none.

    Such an operator can also be compiled by :func:`kernel_for`, with the same bits, from a stored tensor.
    """
    _load_all()
    for cls in _REDUCTIONS.get(op.kind, ()):
        if cls.accepts(op):
            return cls(op, config)
    return None
