"""TVM's classes by the names that annotations use.

mypy does not follow TVM's modules, for they are not typed, and takes each of these for ``Any``; people and editors see
what a value is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tvm.ir import Call, Expr, GlobalVar, IRModule, Var
    from tvm.ir.transform import Pass, PassContext
    from tvm.relax import BlockBuilder
    from tvm.relax import Function as RelaxFunction
    from tvm.tirx import Buffer, PrimFunc
else:
    # Nobody asks for them while the program runs, and importing TVM takes two seconds.
    Call = Expr = GlobalVar = IRModule = Var = Pass = PassContext = Any
    BlockBuilder = RelaxFunction = Buffer = PrimFunc = Any

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
