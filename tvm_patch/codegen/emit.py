"""A planned program as C sources."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any

import jinja2

from tvm_patch.artifact_metadata import InputEntry, TensorEntry
from tvm_patch.codegen.constants import C_TYPES, c_float, constants_header, constants_source
from tvm_patch.codegen.functions import function_table
from tvm_patch.codegen.identifiers import unique_identifier
from tvm_patch.codegen.runtime_headers import PUBLIC, header_text, private_headers
from tvm_patch.errors import InternalError
from tvm_patch.graph import Tensor
from tvm_patch.lowering.program import Program, Step, constant_table
from tvm_patch.planner.placement import Placement
from tvm_patch.version import __version__

ARENA_ALIGN = 8
"""Alignment of the arena in bytes: the widest element is 8 bytes."""


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


def _fields(
    program: Program, placement: Placement, names: Sequence[str], about: Sequence[Interface], fallback: str
) -> list[dict[str, Any]]:
    """Return what inputs and outputs have in common: the fields of a TensorEntry."""
    entries: list[dict[str, Any]] = []
    for tensor, io in zip(names, about, strict=True):
        view = program.tensors[tensor]
        entries.append(
            {
                "name": io.name,
                "dtype": view.dtype,
                "scale": io.scale,
                "zero_point": io.zero_point,
                "c_name": unique_identifier(io.name, fallback, [e["c_name"] for e in entries]),
                "shape": view.shape,
                "bytes": view.nbytes,
                "arena_offset": None if tensor in program.fetched else placement.tensors[tensor],
            }
        )
    return entries


def _in_c(entries: Sequence[TensorEntry]) -> list[dict[str, Any]]:
    """Return what the templates print of tensors of the interface."""
    sources = count()
    return [
        {
            **entry.model_dump(),
            "name_c": _plain(entry.name).replace("\\", "/").replace('"', "'"),
            "c_type": C_TYPES[entry.dtype],
            "shape": list(entry.shape),
            "dims": list(entry.shape) or [1],
            "rank": len(entry.shape),
            "row_source": next(sources) if entry.fetched else -1,
            "source_expression": f"inputs->{entry.c_name}",
            "scale_c": c_float(entry.scale),
        }
        for entry in entries
    ]


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


@dataclass(frozen=True)
class Emitted:
    """C sources of a model.

    Attributes
    ----------
    include : dict of str to str
        Public headers by file name.
    source : dict of str to str
        Sources and private headers by file name.
    inputs : tuple of InputEntry
    outputs : tuple of TensorEntry
        For the metadata.
    symbols : mapping of int to tuple of str
        By operator, the functions and constants that it uses.
    """

    include: dict[str, str]
    source: dict[str, str]
    inputs: tuple[InputEntry, ...]
    outputs: tuple[TensorEntry, ...]
    symbols: Mapping[int, tuple[str, ...]]

    @property
    def files(self) -> dict[str, bytes]:
        """The sources by their path in an artifact."""
        return {
            **{f"codegen/host/include/{name}": text.encode() for name, text in self.include.items()},
            **{f"codegen/host/src/{name}": text.encode() for name, text in self.source.items()},
        }


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
    in_ram: Collection[str] = (),
) -> Emitted:
    """Print a planned program as C11 that also compiles as C++17.

    Parameters
    ----------
    program, placement
        The program and its arena.
    inputs, outputs : sequence of Interface
        One per graph input and output.
    in_ram : collection of str
        Symbols of :func:`constant_table` that are copied to RAM at start.
    """
    if not program.target.prints_c:
        raise InternalError(f"a program for {program.target.name} is not printed as C")
    arrays, symbols = constant_table(program)
    elided = elided_steps(program, placement)
    functions = function_table(program, elided)
    templates = _templates()
    words = set(re.findall(r"\w+", "\n".join(functions.definitions)))
    headers = [header for header, defined in private_headers().items() if defined & words]
    input_entries = tuple(
        InputEntry(**f, mode=program.schedule.mode if f["arena_offset"] is None else "resident")
        for f in _fields(program, placement, program.inputs, inputs, "input")
    )
    output_entries = tuple(
        TensorEntry(**f) for f in _fields(program, placement, program.outputs, outputs, "output")
    )
    inputs_in_c = _in_c(input_entries)
    context = {
        "version": __version__,
        "model": {
            "name": program.name,
            "arena_bytes": placement.arena_bytes,
            "arena_align": ARENA_ALIGN,
            "operators": len(program.network.operators),
        },
        "upper": program.name.upper(),
        "inputs": inputs_in_c,
        "outputs": _in_c(output_entries),
        "fetched": [t for t in inputs_in_c if t["row_source"] >= 0],
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
        PUBLIC: header_text(PUBLIC),
    }
    source = {
        f"{name}_lib0.c": templates.get_template("lib0.c.jinja").render(context),
        f"{name}_lib1.c": constants_source(name, prefix, arrays, in_ram),
        f"{name}_constants.h": constants_header(name, prefix, arrays, in_ram),
        **{h: header_text(h) for h in headers},
    }
    owned: dict[int, list[str]] = {operator: list(names) for operator, names in functions.used.items()}
    for step in program.steps:
        for p in step.code.parameters:
            if p.role == "constant":
                constant = f"{prefix}_{symbols[step.index, p.name]}"
                owned.setdefault(step.layout.operators[p.part].index, []).append(constant)
    used = {operator: tuple(dict.fromkeys(names)) for operator, names in owned.items()}
    return Emitted(include, source, input_entries, output_entries, used)
