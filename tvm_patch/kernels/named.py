"""Locals, arrays and loops of a kernel under a name: the printed C carries it into a debugger.

TVM's IRBuilder gives ``v`` to everything; a name that is taken gets a number behind it when it is printed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tvm_patch.tir import T, ir_builder
from tvm_patch.tvm_types import Buffer, Expr


def bind(name: str, value: Expr) -> Expr:
    """Emit the computation of `value` into a local; return the local."""
    return ir_builder.IRBuilder.name(name, T.bind(value))


def array(name: str, elements: int, dtype: str = "int32") -> Buffer:
    """Emit a local array; one of a single element is a variable that can be assigned to."""
    return ir_builder.IRBuilder.name(name, T.alloc_buffer((elements,), dtype))


@contextmanager
def loop(name: str, start: int | Expr, stop: int | Expr) -> Iterator[Expr]:
    """Open an ascending loop from `start` to `stop`, that excluded, and yield its variable."""
    with T.serial(start, stop) as variable:
        yield ir_builder.IRBuilder.name(name, variable)
