"""Build reports from what the driver, the artifact and the board say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tvm_patch.planner.schedule import overhead_of
from tvm_patch.report.flash import flash_by_kind
from tvm_patch.report.models import (
    AnswerReport,
    BoughtReport,
    CompileReport,
    CompositeReport,
    CyclesReport,
    InspectReport,
    OperatorMemory,
    OperatorReport,
    OperatorRun,
    RunReport,
    SegmentReport,
    TensorReport,
)
from tvm_patch.targets.pipeline import ERROR_PERCENT

if TYPE_CHECKING:
    from microtvm_project.run import RunResult
    from tvm_patch.artifact_metadata import Metadata, OperatorEntry
    from tvm_patch.driver import Analysis, CheckResult
    from tvm_patch.planner.explain import PlanMemory
    from tvm_patch.planner.network import Network


def inspect_report(model: str, analysis: Analysis) -> InspectReport:
    """Return the report of ``tvm-patch inspect``.

    Parameters
    ----------
    model : str
        Name for people: the file.
    analysis : Analysis
    """
    network, placement = analysis.network, analysis.placement
    operators = [
        OperatorMemory(
            index=op.index,
            name=op.name,
            kind=op.kind,
            macs=op.macs,
            output_bytes=sum(network.tensors[n].nbytes for n in op.outputs),
            output_shape=list(network.tensors[op.outputs[0]].shape),
            live_bytes=layer.live_bytes,
            scratch_bytes=layer.scratch_bytes,
            segment=layer.segment,
            kernel=analysis.kernels.get(op.index, ""),
        )
        for op, layer in zip(network.operators, analysis.layers, strict=True)
    ]
    plan = analysis.plan
    peak = max(operators, key=lambda op: (op.live_bytes, -op.index), default=None)
    return InspectReport(
        model=model,
        input_mode=plan.input_mode if plan else "resident",
        scheme=plan.scheme if plan else "layer",
        macs=network.macs,
        macs_executed=plan.macs_executed if plan else network.macs,
        overhead=plan.overhead if plan else 1.0,
        weight_bytes=network.weight_bytes,
        constant_bytes=analysis.constant_bytes,
        arena_bytes=placement.arena_bytes,
        arena_lower_bound=placement.plan.lower_bound,
        arena_optimal=placement.plan.optimal,
        arena_method=placement.plan.method,
        peak_operator=None if peak is None else peak.index,
        inputs=_described(network, network.inputs, placement.tensors),
        outputs=_described(network, network.outputs, placement.tensors),
        operators=operators,
        segments=segment_reports(analysis.memory) if plan else [],
        notes=list(analysis.notes),
    )


def segment_reports(memory: PlanMemory) -> list[SegmentReport]:
    """Return a report of every segment of a plan."""
    return [
        SegmentReport(
            first=m.segment.operators[0],
            last=m.segment.operators[-1],
            operators=list(m.segment.operators),
            **m.segment.numbers,
            composites=[
                CompositeReport(operators=list(c.operators), rows=c.rows, keeps=c.keeps, columns=c.columns)
                for c in m.segment.composites
            ],
            arena_bytes=m.in_use,
            overhead=m.overhead,
        )
        for m in memory.segments
    ]


def compile_report(model: str, board: str, folder: Path, metadata: Metadata, files: int) -> CompileReport:
    """Return the report of ``tvm-patch compile``.

    Parameters
    ----------
    model, board : str
    folder : Path
        Where the artifact lies.
    metadata : Metadata
        The artifact's.
    files : int
        Number of its files.
    """
    return CompileReport(
        model=model,
        board=board,
        artifact=str(folder),
        constant_bytes=metadata.constant_bytes,
        arena_bytes=metadata.arena_bytes,
        files=files,
        notes=list(metadata.notes),
        operators=[OperatorReport(**_reported(op)) for op in metadata.operators],
        **_costs(metadata),
        **_borders(metadata),
    )


def run_report(
    model: str,
    board: str,
    as_board: str | None,
    metadata: Metadata,
    result: RunResult,
    *,
    checked: CheckResult | None = None,
    unchecked: str | None = None,
    answers: Sequence[AnswerReport] = (),
) -> RunReport:
    """Return the report of ``tvm-patch run``.

    Parameters
    ----------
    model, board, as_board
        As the user named them.
    metadata : Metadata
        The artifact's.
    result : RunResult
        What the board said.
    checked : CheckResult, optional
        Outcome of ``--check``.
    unchecked : str, optional
        Why there was no oracle to check with.
    answers : sequence of AnswerReport
        What to show of the outputs.
    """
    described = metadata.operators
    counts: Sequence[int | None] = result.operator_instructions or [None] * len(described)
    cycles: Sequence[int | None] = (
        [c.total for c in result.operator_cycles] if result.operator_cycles else [None] * len(described)
    )
    return RunReport(
        model=model,
        board=board,
        as_board=as_board,
        bit_exact=checked.bit_exact if checked else None,
        max_abs_diff=checked.max_abs_diff if checked else None,
        oracle=checked.oracle if checked else None,
        oracle_refusals=list(checked.refusals) if checked else [unchecked] if unchecked else [],
        default_diff=checked.default_diff if checked else None,
        notes=list(metadata.notes),
        answers=list(answers),
        instructions=result.instructions,
        **_time(result, as_board or board),
        arena_bytes=result.arena_bytes,
        static_bytes=result.static_bytes,
        stack_bytes=result.stack_bytes,
        sram_bytes=result.sram_bytes,
        flash_bytes=result.flash_bytes,
        flash=flash_by_kind(result.flash_symbols, metadata, result.flash_bytes)
        if result.flash_bytes is not None
        else [],
        operators=[
            OperatorRun(**_reported(op), instructions=n, cycles=c)
            for op, n, c in zip(described, counts, cycles, strict=True)
        ],
        **_costs(metadata),
        **_borders(metadata),
    )


def _time(result: RunResult, board: str) -> dict[str, Any]:
    if result.cycles is None:
        return {}
    from microtvm_project.boards import get_board

    named = get_board(board)
    clock = named.clock_hz
    return {
        "cycles": result.cycles.total,
        "cycles_error_percent": ERROR_PERCENT[named.cpu],
        "cycles_parts": CyclesReport(**asdict(result.cycles)),
        "milliseconds": 1000 * result.cycles.total / clock if clock else None,
    }


def _reported(op: OperatorEntry) -> dict[str, Any]:
    return op.model_dump(include=set(OperatorReport.model_fields))


def _costs(metadata: Metadata) -> dict[str, Any]:
    return {
        "input_mode": metadata.input_mode,
        "scheme": metadata.scheme,
        "segments": len(metadata.segments),
        "macs": metadata.macs,
        "macs_executed": metadata.macs_executed,
        "overhead": overhead_of(metadata.macs_executed, metadata.macs),
        "bought": BoughtReport(**metadata.bought.model_dump()) if metadata.bought else None,
        "ram_constant_bytes": metadata.ram_constant_bytes,
    }


def _borders(metadata: Metadata) -> dict[str, Any]:
    reported = set(TensorReport.model_fields)
    return {
        "inputs": [TensorReport(**t.model_dump(include=reported)) for t in metadata.inputs],
        "outputs": [TensorReport(**t.model_dump(include=reported)) for t in metadata.outputs],
    }


def _described(network: Network, names: Sequence[str], offsets: Mapping[str, int]) -> list[TensorReport]:
    found = []
    for name in names:
        t = network.tensors[name]
        found.append(
            TensorReport(
                name=name, dtype=t.dtype, shape=list(t.shape), bytes=t.nbytes, arena_offset=offsets.get(name)
            )
        )
    return found
