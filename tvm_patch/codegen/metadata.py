"""``metadata.json``: what an artifact says of itself, for people, boards and tools."""

from __future__ import annotations

import json
from typing import Any

import tvm_patch
from tvm_patch.artifact_metadata import FORMAT_VERSION
from tvm_patch.codegen.emit import ARENA_ALIGN, Emitted
from tvm_patch.lowering.program import Program
from tvm_patch.planner.network import OperatorDesc
from tvm_patch.planner.placement import Placement

_INTERNAL = ("name_c", "c_type", "scale_c", "dims", "rank", "row_source", "source_expression")


def _entries(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in entry.items() if k not in _INTERNAL} for entry in entries]


def _operator(program: Program, op: OperatorDesc) -> dict[str, Any]:
    outputs = [program.tensors[t] for t in op.outputs]
    return {
        "index": op.index,
        "name": op.name,
        "kind": op.kind,
        "macs": op.macs,
        "output_bytes": sum(t.nbytes for t in outputs),
        "output_shape": list(outputs[0].shape),
    }


def metadata(program: Program, placement: Placement, emitted: Emitted, extra: dict[str, Any]) -> bytes:
    """Return ``metadata.json``.

    Parameters
    ----------
    program, placement, emitted
        The compiled model.
    extra : dict
        Further keys: ``board``, ``io``, ``interface`` (the model's own inputs and outputs).
    """
    in_memory = [n for n in (*program.inputs, *program.outputs) if n not in program.fetched]
    io_bytes = sum(program.tensors[n].nbytes for n in in_memory)
    document = {
        "format_version": FORMAT_VERSION,
        "generator": f"tvm-patch {tvm_patch.__version__}",
        "model_name": program.name,
        "style": "full-model",
        "executors": ["aot"],
        "target": program.target.name,
        "arena_bytes": placement.arena_bytes,
        "arena_align": ARENA_ALIGN,
        "macs": sum(op.macs for op in program.network.operators),
        "macs_executed": program.schedule.macs_executed,
        "inputs": _entries(emitted.inputs),
        "outputs": [{k: v for k, v in e.items() if k != "mode"} for e in _entries(emitted.outputs)],
        "operators": [_operator(program, op) for op in program.network.operators],
        "segments": [
            {
                "operators": list(segment.operators),
                **segment.numbers,
                "scratch_bytes": layout.scratch_bytes,
            }
            for segment, layout in zip(program.schedule.segments, program.schedule.layouts, strict=True)
        ],
        "memory": {
            "functions": {
                "main": [
                    {
                        "constants_size_bytes": program.constant_bytes,
                        "io_size_bytes": io_bytes,
                        "workspace_size_bytes": placement.arena_bytes,
                    }
                ]
            }
        },
        "sources": sorted(f"codegen/host/src/{n}" for n in emitted.source if n.endswith(".c")),
        "include_dirs": ["codegen/host/include", "codegen/host/src"],
        **extra,
    }
    return (json.dumps(document, indent=2) + "\n").encode()
