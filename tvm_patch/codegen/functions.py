"""C definitions of a program's functions: qualified, and the same code once.

TVM prints ``int8_t* in0`` for every pointer.  Compilers do better, and users read better, with ``const`` on what is
only read and ``restrict`` where nothing overlaps, so the heads of the definitions are rewritten here.  Operators
that differ only in their constants and addresses print the same text; it is kept once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tvm_patch.codegen.print_c import print_c
from tvm_patch.kernels.c.arm.function import functions_of
from tvm_patch.lowering.program import Program, Step
from tvm_patch.lowering.window_loop import ROW

_PARAMETER = re.compile(r"^(?P<type>\w+)\* (?P<name>\w+)$")
_OWN_NAME = "TVMP_SELF"
_ROWS = "struct tvmp_rows"
"""What ``fetched{i}`` points to; TVM knows it as ``void*``, for TIR has no structures."""


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


def _qualify(definition: str, name: str, restrict: bool, apart: bool) -> str:
    """Make the function static and qualify its pointer parameters; `apart` keeps it out of its callers."""
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
        fetched = match["name"].startswith("fetched")
        written = fetched or match["name"] in ("scratch", "state") or match["name"].startswith("out")
        const = "" if written else "const "
        alone = "TVMP_RESTRICT " if restrict else ""
        pointee = _ROWS if fetched else match["type"]
        parameters.append(f"{const}{pointee} *{alone}{match['name']}")
    storage = "static TVMP_APART void" if apart else "static TVMP_STEP void"
    return f"{storage} {name}({', '.join(parameters)}) {{\n{''.join(unused)}{body.lstrip(chr(10))}"


class _Dedupe:
    """Gives equal definitions one name."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.definitions: list[str] = []

    def add(self, text: str, old_name: str, new_name: str, restrict: bool, apart: bool) -> str:
        body = re.sub(rf"\b{old_name}\b", _OWN_NAME, text)
        key = f"{restrict}{apart}{body}"
        if key not in self.names:
            self.names[key] = new_name
            self.definitions.append(_qualify(text, new_name, restrict, apart))
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
    live = [step for step in program.steps if step.index not in elided]
    printed = print_c({v: f for step in live for v, f in step.code.functions.items()})
    dedupe = _Dedupe()
    entry = [""] * len(program.steps)
    for step in live:
        entry[step.index] = _add_step(dedupe, step, printed)
    carried = {
        n: t for step in live for f in step.code.functions.values() for n, t in functions_of(f).items()
    }
    return FunctionTable((*_called(carried, dedupe.definitions), *dedupe.definitions), tuple(entry))


def _called(carried: Mapping[str, str], definitions: Sequence[str]) -> list[str]:
    """Return the functions that are called; TVM drops calls for numbers of columns that do not occur."""
    mentioned = set(re.findall(r"\w+", "\n".join(definitions)))
    called: list[str] = []
    for name, text in reversed(list(carried.items())):  # callers before their callees
        if name in mentioned:
            called.insert(0, text)
            mentioned |= set(re.findall(r"\w+", text))
    return called


def _add_step(dedupe: _Dedupe, step: Step, printed: Mapping[str, str]) -> str:
    """Add the functions of a step, those that others call first; return the entry's name."""
    renamed: dict[str, str] = {}
    name = ""
    for variable in step.code.functions:
        old = variable.name_hint
        text = printed[old]
        for callee, shared in renamed.items():
            text = text.replace(f"{ROW}(0)", shared) if callee.endswith("_row0") else text
            text = re.sub(rf"\b{callee}\b", shared, text)
        role = old.split("_", 1)[1]
        is_entry = variable == step.code.entry
        new = f"{step.label}_{step.index}" if is_entry else f"{_kind(step, role)}_{role}_{step.index}"
        restrict, apart = _restrict(step, role), _apart(step, role)
        name = renamed[old] = dedupe.add(text, old, new, restrict, apart)
    return name


def _kind(step: Step, role: str) -> str:
    """Return the kind of operator that a function belongs to."""
    position = re.search(r"\d+$", role)
    return step.ops[int(position.group())].kind if position else step.label


def _restrict(step: Step, role: str) -> bool:
    """Tell whether no two pointers of a function can overlap."""
    position = re.search(r"\d+$", role)
    if position is not None:
        return not step.layout.operators[int(position.group())].elementwise
    return role == "tensor" and all(d is None for d in step.layout.input_distance.values())


def _apart(step: Step, role: str) -> bool:
    """Tell whether a function must not be inlined: the kernels that multiply.

    Inside the function of a whole segment gcc runs out of registers for their inner loops (up to 1.8 times the
    instructions were measured), and the stack frame is that of all kernels together.
    """
    if not role.startswith("row"):
        return role == "tensor" and step.layout.sink.macs > 0
    return step.layout.operators[int(role.removeprefix("row"))].macs > 0
