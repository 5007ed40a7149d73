"""An artifact's ``metadata.json`` from what was compiled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tvm_patch.artifact_metadata import (
    FORMAT_VERSION,
    BorderEntry,
    BoughtEntry,
    CompositeEntry,
    FunctionMemories,
    FunctionMemory,
    MemoryEntry,
    Metadata,
    ModelInputEntry,
    OperatorEntry,
    SegmentEntry,
)
from tvm_patch.border_mode import BorderMode
from tvm_patch.codegen.emit import ARENA_ALIGN, Emitted
from tvm_patch.input_mode import InputMode
from tvm_patch.kernels.base import Preference
from tvm_patch.lowering.program import Program
from tvm_patch.planner.network import OperatorDesc
from tvm_patch.planner.placement import Placement
from tvm_patch.planner.plan import Plan
from tvm_patch.version import __version__


@dataclass(frozen=True)
class Origin:
    """What was compiled and how; each field is the metadata's of its name.

    Attributes
    ----------
    board : str
    model_sha256 : str
    model_inputs : sequence of ModelInputEntry
    model_outputs : sequence of BorderEntry
    io : {"int8", "float"}
    input_mode : {"resident", "rereadable", "streamed"}
    prefer : {"size", "balanced", "speed"}
    signature : str or None
    notes : sequence of str
    ram_constant_bytes : int
    scheme : str
    plan : Plan or None
    """

    board: str
    model_sha256: str
    model_inputs: Sequence[ModelInputEntry]
    model_outputs: Sequence[BorderEntry]
    io: BorderMode = "int8"
    input_mode: InputMode = "resident"
    prefer: Preference = "balanced"
    signature: str | None = None
    notes: Sequence[str] = ()
    ram_constant_bytes: int = 0
    scheme: str = "layer"
    plan: Plan | None = None


def _operator(program: Program, op: OperatorDesc, symbols: Sequence[str]) -> OperatorEntry:
    outputs = [program.tensors[t] for t in op.outputs]
    return OperatorEntry(
        index=op.index,
        name=op.name,
        kind=op.kind,
        macs=op.macs,
        output_bytes=sum(t.nbytes for t in outputs),
        output_shape=outputs[0].shape,
        symbols=tuple(symbols),
    )


def metadata(program: Program, placement: Placement, emitted: Emitted, origin: Origin) -> Metadata:
    """Return what an artifact says of itself.

    Parameters
    ----------
    program, placement, emitted
        The compiled model.
    origin : Origin
        What it was compiled from.
    """
    bought = origin.plan.bought if origin.plan else program.bought
    in_memory = [n for n in (*program.inputs, *program.outputs) if n not in program.fetched]
    memory = FunctionMemory(
        constants_size_bytes=program.constant_bytes,
        io_size_bytes=sum(program.tensors[n].nbytes for n in in_memory),
        workspace_size_bytes=placement.arena_bytes,
    )
    return Metadata(
        format_version=FORMAT_VERSION,
        generator=f"tvm-patch {__version__}",
        model_name=program.name,
        style="full-model",
        executors=("aot",),
        target=program.target.name,
        arena_bytes=placement.arena_bytes,
        arena_align=ARENA_ALIGN,
        bought=BoughtEntry(**bought.model_dump()) if bought else None,
        macs=sum(op.macs for op in program.network.operators),
        macs_executed=program.schedule.macs_executed,
        inputs=emitted.inputs,
        outputs=emitted.outputs,
        operators=tuple(
            _operator(program, op, emitted.symbols.get(op.index, ())) for op in program.network.operators
        ),
        segments=tuple(
            SegmentEntry(
                operators=segment.operators,
                **segment.numbers,
                composites=tuple(
                    CompositeEntry(operators=c.operators, rows=c.rows, keeps=c.keeps, columns=c.columns)
                    for c in segment.composites
                ),
                scratch_bytes=layout.scratch_bytes,
            )
            for segment, layout in zip(program.schedule.segments, program.schedule.layouts, strict=True)
        ),
        memory=MemoryEntry(functions=FunctionMemories(main=(memory,))),
        sources=tuple(sorted(f"codegen/host/src/{n}" for n in emitted.source if n.endswith(".c"))),
        include_dirs=("codegen/host/include", "codegen/host/src"),
        board=origin.board,
        io=origin.io,
        model_sha256=origin.model_sha256,
        model_inputs=tuple(origin.model_inputs),
        model_outputs=tuple(origin.model_outputs),
        arena_lower_bound=placement.plan.lower_bound,
        arena_method=placement.plan.method,
        input_mode=origin.input_mode,
        prefer=origin.prefer,
        signature=origin.signature,
        notes=tuple(origin.notes),
        ram_constant_bytes=origin.ram_constant_bytes,
        scheme=origin.scheme,
        # Not the alternatives: they are no part of what was compiled.
        plan=origin.plan.model_dump(mode="json", exclude={"front"}) if origin.plan else None,
    )
