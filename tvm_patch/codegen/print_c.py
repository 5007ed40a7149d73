"""PrimFunc -> C text through TVM's own ``c`` target, without the packed-function ABI."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import tvm
from tvm.tirx import transform

_PASSES = (
    transform.FlattenBuffer,
    lambda: transform.NarrowDataType(32),
    transform.UnrollLoop,
    transform.StmtSimplify,
    transform.CommonSubexprElim,
    transform.LowerTVMBuiltin,
    transform.LowerIntrin,
)
"""What makes a PrimFunc with raw pointers printable; MakePackedAPI is left out on purpose."""

_DEFINITION = re.compile(r"^TVM_DLL (?P<head>[^;{]*)\{$", re.MULTILINE)


def print_c(functions: Mapping[str, Any]) -> dict[str, str]:
    """Print private PrimFuncs as C function definitions.

    Parameters
    ----------
    functions : mapping of str to tvm.tirx.PrimFunc
        By C name.  Parameters are ``T.handle(dtype)`` or scalars; no ``T.sblock``.

    Returns
    -------
    dict of str to str
        Per name, the text of the definition starting with the return type, without storage class or includes.
    """
    target = tvm.target.Target({"kind": "c"})
    module = tvm.IRModule({n: f.with_attr("global_symbol", n) for n, f in functions.items()})
    module = transform.BindTarget(target)(module)
    for make_pass in _PASSES:
        module = make_pass()(module)
    text = tvm.get_global_func("target.build.c")(module, target).inspect_source()
    return _split_definitions(text)


def _split_definitions(text: str) -> dict[str, str]:
    """Cut TVM's single source into one definition per function; TVM closes each with a brace in column 0."""
    out: dict[str, str] = {}
    for match in _DEFINITION.finditer(text):
        end = text.index("\n}\n", match.end()) + 3
        head = match.group("head")
        name = head[: head.index("(")].split()[-1]
        out[name] = head + "{" + text[match.end() : end]
    return out
