"""C definitions of a program's functions: qualified, and the same code once.

TVM prints ``int8_t* in0`` for every pointer.  Compilers do better, and users read better, with ``const`` on what is
only read and ``restrict`` where nothing overlaps, so the heads of the definitions are rewritten here.  Operators
that differ only in their constants and addresses print the same text; it is kept once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tvm_patch.codegen.print_c import print_c
from tvm_patch.codegen.runtime_headers import helpers
from tvm_patch.kernels.c.arm.function import functions_of
from tvm_patch.lowering.program import Program, Step
from tvm_patch.lowering.step_function import Access, StepFunction
from tvm_patch.tvm_types import GlobalVar

_POINTER = re.compile(r"^(?P<type>\w+)\* (?P<name>\w+)$")
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
    used : mapping of int to tuple of str
        By operator, the functions that its code consists of, those that it shares with others included.
    """

    definitions: tuple[str, ...]
    entry: tuple[str, ...]
    used: Mapping[int, tuple[str, ...]]


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


def _qualify(definition: str, name: str, pointers: Iterable[Access], restrict: bool, apart: bool) -> str:
    """Make the function static and qualify its pointer parameters; `apart` keeps it out of its callers."""
    head, body = definition.split("{", 1)
    parameters, unused = [], []
    mentioned, remaining = _words(body), iter(pointers)
    for text in head[head.index("(") + 1 : head.rindex(")")].split(", "):
        pointer = _POINTER.match(text)
        access = next(remaining) if pointer else None
        if access == "function":
            continue  # its name is that of a function, which needs no parameter in C
        if text.split()[-1] not in mentioned:
            unused.append(f"  (void){text.split()[-1]};\n")
        if pointer is None:
            parameters.append(text)
            continue
        const = "const " if access == "read" else ""
        alone = "TVMP_RESTRICT " if restrict else ""
        pointee = "struct tvmp_rows" if access == "rows" else pointer["type"]
        parameters.append(f"{const}{pointee} *{alone}{pointer['name']}")
    storage = "static TVMP_APART void" if apart else "static TVMP_STEP void"
    return f"{storage} {name}({', '.join(parameters)}) {{\n{''.join(unused)}{body.lstrip(chr(10))}"


class _Dedupe:
    """Gives equal definitions one name."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.definitions: list[str] = []

    def add(
        self, text: str, old_name: str, new_name: str, pointers: Sequence[Access], restrict: bool, apart: bool
    ) -> str:
        body = text.replace(f" {old_name}(", f" {_OWN_NAME}(", 1)
        key = f"{restrict}{apart}{body}"
        if key not in self.names:
            self.names[key] = new_name
            self.definitions.append(_qualify(text, new_name, pointers, restrict, apart))
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
    functions = {v: f for step in live for v, f in step.code.functions.items()}
    printed = print_c({v: f.code for v, f in functions.items()}, pure=helpers())
    carried = {n: t for f in functions.values() for n, t in functions_of(f.code).items()}
    dedupe = _Dedupe()
    entry = [""] * len(program.steps)
    used: dict[int, list[str]] = {}
    for step in live:
        names = _add_step(dedupe, step, printed)
        entry[step.index] = names[step.code.entry]
        for variable, function in step.code.functions.items():
            part = 0 if len(step.ops) == 1 else function.part
            if part is not None:
                reached = _reached(carried, printed[variable.name_hint])
                shared = sorted(reached.intersection(carried))
                used.setdefault(step.layout.operators[part].index, []).extend((names[variable], *shared))
    # TVM drops calls for numbers of columns that do not occur.
    called = _reached(carried, "\n".join(dedupe.definitions))
    return FunctionTable(
        (*(text for name, text in carried.items() if name in called), *dedupe.definitions),
        tuple(entry),
        {operator: tuple(dict.fromkeys(names)) for operator, names in used.items()},
    )


def _reached(carried: Mapping[str, str], code: str) -> set[str]:
    """Return the words of some code and of all carried functions that it calls."""
    words = _words(code)
    for name, text in reversed(list(carried.items())):  # callers before their callees
        if name in words:
            words |= _words(text)
    return words


def _add_step(dedupe: _Dedupe, step: Step, printed: Mapping[str, str]) -> dict[GlobalVar, str]:
    """Add the functions of a step, those that others call first; return their names in C."""
    names: dict[GlobalVar, str] = {}
    for variable, function in step.code.functions.items():
        text = printed[variable.name_hint]
        for callee, shared in names.items():
            if callee.name_hint in text:
                text = re.sub(rf"\b{callee.name_hint}\b", shared, text)
        is_entry = variable == step.code.entry
        new = step.label if is_entry else f"{_kind(step, function)}_{function.label}"
        names[variable] = dedupe.add(
            text,
            variable.name_hint,
            f"{new}_{step.index}",
            function.pointers,
            _restrict(step, function),
            _apart(step, function),
        )
    return names


def _kind(step: Step, function: StepFunction) -> str:
    """Return the kind of operator that a function belongs to."""
    return step.label if function.part is None else step.ops[function.part].kind


def _restrict(step: Step, function: StepFunction) -> bool:
    """Tell whether no two pointers of a function can overlap."""
    if function.role == "composite":  # what it reads may be what it writes over
        return False
    if function.part is not None:
        return not step.layout.operators[function.part].elementwise
    return function.role == "tensor" and all(d is None for d in step.layout.input_distance.values())


def _apart(step: Step, function: StepFunction) -> bool:
    """Tell whether a function must not be inlined: the kernels that multiply.

    Inside the function of a whole segment gcc runs out of registers for their inner loops (up to 1.8 times the
    instructions were measured), and the stack frame is that of all kernels together.
    """
    if function.role == "row" and function.part is not None:
        return step.layout.operators[function.part].macs > 0
    return function.role == "tensor" and step.layout.sink.macs > 0
