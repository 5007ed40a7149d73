"""A planned program as C sources."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import jinja2

import tvm_patch
from tvm_patch.codegen.constants import C_TYPES, c_float, constants_header, constants_source
from tvm_patch.codegen.functions import function_table
from tvm_patch.codegen.identifiers import unique_identifier
from tvm_patch.errors import InternalError
from tvm_patch.graph import Tensor
from tvm_patch.lowering.program import Program, Step, constant_table
from tvm_patch.planner.placement import Placement

ARENA_ALIGN = 8
"""Alignment of the arena in bytes: the widest element is 8 bytes."""

_PUBLIC_RUNTIME = "tvm_patch_runtime.h"


@dataclass(frozen=True)
class Interface:
    """Quantization of one graph input or output.

    Attributes
    ----------
    name : str
        As in the model.
    scale : float
        0.0 where the tensor is not quantized.
    zero_point : int
        0 where the tensor is not quantized.
    """

    name: str
    scale: float
    zero_point: int


def _interface(
    program: Program,
    placement: Placement,
    names: Sequence[str],
    about: Sequence[Interface],
    fallback: str,
) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    sources = row_sources(program)
    for tensor, io in zip(names, about, strict=True):
        view = program.tensors[tensor]
        c_name = unique_identifier(io.name, fallback, [e["c_name"] for e in entries])
        entries.append(
            {
                "name": io.name,
                "name_c": _plain(io.name).replace("\\", "/").replace('"', "'"),
                "c_name": c_name,
                "c_type": C_TYPES[view.dtype],
                "dtype": view.dtype,
                "shape": list(view.shape),
                "dims": list(view.shape) or [1],
                "rank": len(view.shape),
                "bytes": view.nbytes,
                "mode": program.schedule.mode if tensor in sources else "resident",
                "arena_offset": None if tensor in sources else placement.tensors[tensor],
                "row_source": sources.get(tensor, -1),
                "source_expression": f"inputs->{c_name}",
                "scale": io.scale,
                "scale_c": c_float(io.scale),
                "zero_point": io.zero_point,
            }
        )
    return entries


def row_sources(program: Program) -> dict[str, int]:
    """Return, by input, the position of its row source among those that the caller gives."""
    return {t: i for i, t in enumerate(t for t in program.inputs if t in program.fetched)}


def _pointer(view: Tensor, offset: int, const: bool) -> str:
    qualifier = "const " if const else ""
    c_type = C_TYPES[view.dtype]
    if c_type == "uint8_t":
        return f"arena + {offset}"
    return f"({qualifier}{c_type} *)(void *)(arena + {offset})"


def _arguments(program: Program, step: Step, placement: Placement, symbols: Mapping[Any, str]) -> list[str]:
    out = []
    for parameter in step.code.parameters:
        if parameter.role == "constant":
            out.append(f"tvmgen_{program.name}_{symbols[step.index, parameter.name]}")
        elif parameter.role == "scratch":
            out.append(f"(int8_t *)(arena + {placement.scratch[step.index]})")
        elif parameter.role == "state":
            out.append(
                f"(int32_t *)(void *)(arena + {placement.scratch[step.index] + step.layout.state_offset})"
            )
        elif parameter.role == "fetched":
            out.append(f"&rows{row_sources(program)[parameter.tensor]}")
        else:
            name = parameter.tensor
            out.append(_pointer(program.tensors[name], placement.tensors[name], const=parameter.role == "in"))
    return out


def elided_steps(program: Program, placement: Placement) -> frozenset[int]:
    """Return the steps that need no code: a copy onto itself."""
    return frozenset(
        s.index
        for s in program.steps
        if s.layout.is_copy
        and placement.tensors[s.layout.sources[0]] == placement.tensors[s.layout.stored[0]]
    )


def _plain(text: str) -> str:
    """Return text in ASCII and without trigraphs."""
    return text.encode("ascii", "replace").decode().replace("??", "? ?").replace("??", "? ?")


def _comment(text: str) -> str:
    return _plain(text.replace("*/", "* /").replace("/*", "/ *"))


def _runtime(name: str) -> str:
    return resources.files("tvm_patch.codegen").joinpath("runtime", name).read_text(encoding="utf-8")


def _private_headers(body: str) -> list[str]:
    """Return the private headers that generated code needs."""
    names = sorted(f.name for f in resources.files("tvm_patch.codegen").joinpath("runtime").iterdir())
    return [n for n in names if n.endswith(".h") and n != _PUBLIC_RUNTIME and _uses(body, _runtime(n))]


def _uses(body: str, header: str) -> bool:
    """Tell whether generated code calls anything, or names any macro, that a private header defines."""
    return any(
        re.search(rf"\b{name}\b", body) for name in set(re.findall(r"\b(?:tvmp_\w+|TVMP_\w+)", header))
    )


@dataclass(frozen=True)
class Emitted:
    """C sources of a model.

    Attributes
    ----------
    include : dict of str to str
        Public headers by file name.
    source : dict of str to str
        Sources and private headers by file name.
    inputs, outputs : list of dict
        Interface entries for the metadata.
    """

    include: dict[str, str]
    source: dict[str, str]
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("tvm_patch.codegen", "templates"),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )


def emit(
    program: Program,
    placement: Placement,
    inputs: Sequence[Interface],
    outputs: Sequence[Interface],
) -> Emitted:
    """Print a planned program as C11 that also compiles as C++17.

    Parameters
    ----------
    program, placement
        The program and its arena.
    inputs, outputs : sequence of Interface
        One per graph input and output.
    """
    if not program.target.prints_c:
        raise InternalError(f"a program for {program.target.name} is not printed as C")
    arrays, symbols = constant_table(program)
    elided = elided_steps(program, placement)
    functions = function_table(program, elided)
    templates = _templates()
    body = "\n".join(functions.definitions)
    headers = _private_headers(body)
    input_entries = _interface(program, placement, program.inputs, inputs, "input")
    output_entries = _interface(program, placement, program.outputs, outputs, "output")
    context = {
        "version": tvm_patch.__version__,
        "model": {
            "name": program.name,
            "arena_bytes": placement.arena_bytes,
            "arena_align": ARENA_ALIGN,
            "operators": len(program.network.operators),
        },
        "upper": program.name.upper(),
        "inputs": input_entries,
        "outputs": output_entries,
        "fetched": [e for e in input_entries if e["row_source"] >= 0],
        "row_sources_used": {row_sources(program)[t] for s in program.steps for t in s.layout.fetched},
        "uses_arena": any(functions.entry[s.index] for s in program.steps),
        "uses_bool": any(t.dtype == "bool" for t in program.tensors.values()),
        "private_headers": headers,
        "definitions": functions.definitions,
        "steps": [
            {
                "index": s.index,
                "kind": s.label,
                "name": _comment(", ".join(o.name for o in s.ops)),
                "last": s.layout.sink.index,
                "entry": functions.entry[s.index],
                "arguments": _arguments(program, s, placement, symbols) if functions.entry[s.index] else [],
                "fetches": bool(s.layout.fetched),
            }
            for s in program.steps
        ],
    }
    name, prefix = program.name, f"tvmgen_{program.name}"
    include = {
        f"{prefix}.h": templates.get_template("public.h.jinja").render(context),
        _PUBLIC_RUNTIME: _runtime(_PUBLIC_RUNTIME),
    }
    source = {
        f"{name}_lib0.c": templates.get_template("lib0.c.jinja").render(context),
        f"{name}_lib1.c": constants_source(name, prefix, arrays),
        f"{name}_constants.h": constants_header(name, prefix, arrays),
        **{h: _runtime(h) for h in headers},
    }
    return Emitted(include, source, input_entries, output_entries)
