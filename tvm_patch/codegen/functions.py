"""C definitions of a program's functions: qualified, and the same code once.

TVM prints ``int8_t* in0`` for every pointer.  Compilers do better, and users read better, with ``const`` on what is
only read and ``restrict`` where nothing overlaps, so the heads of the definitions are rewritten here.  Operators
that differ only in their constants and addresses print the same text; it is kept once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import tvm

from tvm_patch.codegen.print_c import print_c
from tvm_patch.kernels import RowKernel
from tvm_patch.lowering.program import Program, Step

_PARAMETER = re.compile(r"^(?P<type>\w+)\* (?P<name>\w+)$")
_OWN_NAME = "TVMP_SELF"


@dataclass(frozen=True)
class FunctionTable:
    """The C functions of a program.

    Attributes
    ----------
    definitions : tuple of str
        In an order in which callees come first.
    entry : tuple of str
        Name of the function to call, by step index; empty for steps that only share memory.
    """

    definitions: tuple[str, ...]
    entry: tuple[str, ...]


def _qualify(definition: str, name: str, restrict: bool) -> str:
    """Make the function static and qualify its pointer parameters."""
    head, body = definition.split("{", 1)
    arguments = head[head.index("(") + 1 : head.rindex(")")]
    parameters, unused = [], []
    mentioned = set(re.findall(r"\w+", body))
    for text in arguments.split(", "):
        match = _PARAMETER.match(text)
        if text.split()[-1] not in mentioned:
            unused.append(f"  (void){text.split()[-1]};\n")
        if match is None:
            parameters.append(text)
            continue
        written = match["name"] == "scratch" or match["name"].startswith("out")
        const = "" if written else "const "
        alone = "TVMP_RESTRICT " if restrict else ""
        parameters.append(f"{const}{match['type']} *{alone}{match['name']}")
    return f"static void {name}({', '.join(parameters)}) {{\n{''.join(unused)}{body.lstrip(chr(10))}"


def _may_alias(step: Step) -> bool:
    return any(d is not None for d in step.input_distance)


class _Dedupe:
    """Gives equal definitions one name."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.definitions: list[str] = []

    def add(self, text: str, old_name: str, new_name: str, restrict: bool) -> str:
        body = re.sub(rf"\b{old_name}\b", _OWN_NAME, text)
        key = f"{restrict}{body}"
        if key not in self.names:
            self.names[key] = new_name
            self.definitions.append(_qualify(text, new_name, restrict))
        return self.names[key]


def function_table(program: Program, elided: frozenset[int]) -> FunctionTable:
    """Print every function of a program.

    Parameters
    ----------
    program : Program
        The lowered network.
    elided : frozenset of int
        Steps that need no code because their output is their input.
    """
    sources: dict[Any, Any] = {}
    for step in program.steps:
        if step.index not in elided:
            sources[tvm.ir.GlobalVar(f"op{step.index}")] = step.code.functions["layer"]
            if step.code.row_variable is not None:
                sources[step.code.row_variable] = step.code.functions["row"]
    printed = print_c(sources)

    dedupe = _Dedupe()
    entry = []
    for step in program.steps:
        if step.index in elided:
            entry.append("")
            continue
        kind, layer = step.bound.op.kind, printed[f"op{step.index}"]
        if step.code.row_variable is not None:
            assert isinstance(step.kernel, RowKernel)
            row = step.code.row_variable.name_hint
            shared = dedupe.add(printed[row], row, f"{kind}_row_{step.index}", not step.kernel.elementwise)
            layer = re.sub(rf"\b{row}\b", shared, layer)
        name = dedupe.add(layer, f"op{step.index}", f"{kind}_{step.index}", not _may_alias(step))
        entry.append(name)
    return FunctionTable(tuple(dedupe.definitions), tuple(entry))
