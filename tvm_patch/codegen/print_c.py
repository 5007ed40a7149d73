"""PrimFunc -> C text through TVM's own ``c`` target, without the packed-function ABI."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping

import tvm
from tvm.tirx import transform

from tvm_patch.tvm_types import GlobalVar, PrimFunc

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

_WHILE = re.compile(
    r"^ *#pragma unroll 1\n(?P<indent> *)while \(1\) \{\n *if \(!\(\((?P<condition>.*)\)\)\) \{ break; \}\n",
    re.MULTILINE,
)
"""TVM prints every ``while`` as an endless loop with a break, and a pragma that gcc does not know."""

_DEFINITION = re.compile(r"^TVM_DLL (?P<head>[^;{]*)\{$", re.MULTILINE)


def print_c(functions: Mapping[str | GlobalVar, PrimFunc], pure: Collection[str] = ()) -> dict[str, str]:
    """Print private PrimFuncs as C function definitions.

    Parameters
    ----------
    functions : mapping of str or tvm.ir.GlobalVar to tvm.tirx.PrimFunc
        By C name; a function that others call must be given by the GlobalVar they call it by.  Parameters are
        ``T.handle(dtype)`` or scalars; no ``T.sblock``.
    pure : collection of str
        External functions that only compute the value that they return.

    Returns
    -------
    dict of str to str
        Per name, the text of the definition starting with the return type, without storage class or includes.
    """
    target = tvm.target.Target({"kind": "c"})
    variables = {
        n if isinstance(n, tvm.ir.GlobalVar) else tvm.ir.GlobalVar(n): f for n, f in functions.items()
    }
    module = tvm.IRModule({v: f.with_attr("global_symbol", v.name_hint) for v, f in variables.items()})
    module = transform.BindTarget(target)(module)
    for make_pass in _PASSES:
        module = make_pass()(module)
    text = tvm.get_global_func("target.build.c")(module, target).inspect_source()
    text = _WHILE.sub(r"\g<indent>while (\g<condition>) {\n", text)
    return _split_definitions(text, pure)


def _split_definitions(text: str, pure: Collection[str]) -> dict[str, str]:
    """Cut TVM's single source into one definition per function; TVM closes each with a brace in column 0."""
    out: dict[str, str] = {}
    for match in _DEFINITION.finditer(text):
        end = text.index("\n}\n", match.end()) + 3
        head = match.group("head")
        name = head[: head.index("(")].split()[-1]
        out[name] = _name_locals(head + "{" + _drop_unused_locals(text[match.end() : end], pure))
    return out


_PRINTERS = re.compile(
    r"\b(?:cse_v(?P<common>\d+)|v_(?P<operand>(?:_\d+)?)|(?P<array>\w+)_ptr(?P<copy>(?:_\d+)?))\b"
)
"""Names that TVM's passes and printer make: of common subexpressions, of what a minimum compares, of local arrays."""


def _name_locals(definition: str) -> str:
    """Give what TVM named a word that is read easily; names from the kernels stay as they are."""
    taken = set(re.findall(r"[A-Za-z_]\w*", definition))
    renamed: dict[str, str] = {}

    def word(match: re.Match[str]) -> str:
        old = match.group()
        if old not in renamed:
            if match["common"] is not None:
                new = f"common_{match['common']}"
            elif match["array"] is not None:
                new = match["array"] + match["copy"]
            else:
                new = "operand" + match["operand"]
            while new in taken:
                new += "_"
            taken.add(new)
            renamed[old] = new
        return renamed[old]

    return _PRINTERS.sub(word, definition)


_LOCAL = re.compile(r"^ +\w+ (?P<name>\w+) = (?P<value>[^;]*);\n", re.MULTILINE)
_CALL = re.compile(r"\b([A-Za-z_]\w*)\(")


def _drop_unused_locals(body: str, pure: Collection[str]) -> str:
    """Remove locals that nothing reads: CommonSubexprElim replaces uses and leaves the variable behind."""
    while True:
        mentions = Counter(re.findall(r"[A-Za-z_]\w*", body))
        unused = [
            m
            for m in _LOCAL.finditer(body)
            if mentions[m["name"]] == 1 and set(_CALL.findall(m["value"])).issubset(pure)
        ]
        if not unused:
            return body
        for match in reversed(unused):
            body = body[: match.start()] + body[match.end() :]
