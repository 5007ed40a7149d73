"""TVM's classes by the names that annotations use.

mypy does not follow TVM's modules, for they are not typed, and takes each of these for ``Any``; people and editors see
what a value is.
"""

from __future__ import annotations

from tvm.ir import Call, Expr, GlobalVar, IRModule, Var
from tvm.ir.transform import Pass, PassContext
from tvm.relax import BlockBuilder
from tvm.relax import Function as RelaxFunction
from tvm.tirx import Buffer, PrimFunc

__all__ = [
    "BlockBuilder",
    "Buffer",
    "Call",
    "Expr",
    "GlobalVar",
    "IRModule",
    "Pass",
    "PassContext",
    "PrimFunc",
    "RelaxFunction",
    "Var",
]
