"""Compile a model into an artifact."""

from __future__ import annotations

import io as std_io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tvm

from microtvm_project.arena_room import room_of
from microtvm_project.boards import get_board
from tvm_patch.border_mode import BorderMode
from tvm_patch.codegen.artifact import ArtifactFiles
from tvm_patch.codegen.emit import emit
from tvm_patch.codegen.metadata import Origin, metadata
from tvm_patch.driver.artifact import Artifact
from tvm_patch.driver.board_target import target_of
from tvm_patch.driver.front import Legalized, Progress, legalize, model_borders
from tvm_patch.driver.plan import PlanSource, resolve
from tvm_patch.driver.tuned import tuned_configs
from tvm_patch.driver.weights_in_ram import WEIGHTS_IN_RAM, WeightsInRam, choose_weights_in_ram
from tvm_patch.errors import InternalError, UserError
from tvm_patch.input_mode import InputMode
from tvm_patch.kernels.base import PREFERENCES, Preference
from tvm_patch.lowering.program import Program, constant_table
from tvm_patch.lowering.ram_constants import RamConstants
from tvm_patch.planner.choose import Request
from tvm_patch.planner.network import Network
from tvm_patch.planner.plan import Plan
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.segments import Segment


def compile(
    model: Path | str | bytes,
    *,
    board: str = "host",
    as_board: str | None = None,
    name: str | None = None,
    io: BorderMode = "int8",
    plan: PlanSource | None = None,
    segments: Callable[[Network], Sequence[Segment]] | None = None,
    input_mode: InputMode | None = None,
    database: Path | None = None,
    prefer: Preference = "balanced",
    weights_in_ram: WeightsInRam = "none",
    signature: str | None = None,
    prune: bool = True,
    sram: int | None = None,
    progress: Progress | None = None,
) -> Artifact:
    """Compile a quantized TFLite model.

    Parameters
    ----------
    model : path or bytes
        The .tflite file.
    board : str
        Board that the code is meant for; see ``tvm-patch boards``.  Its core decides on the kernels.
    as_board : str, optional
        Board that an emulated one stands for: the order of loops and what lies in RAM follow from its memories.
    name : str, optional
        Name for the generated code, a C identifier.
    io : {"int8", "float"}
        Whether the artifact takes and gives int8, or what the model file takes and gives.
    plan : Plan, Request or path, optional
        A plan for this model, what one has to be, or the file of one.  Without it, one operator after another with
        the input in the arena.
    segments : callable, optional
        Instead of `plan`: given the network, says which operators run together and in how many bands.
    input_mode : {"resident", "rereadable", "streamed"}, optional
        Instead of `plan`, which has its own: where the inputs come from.  The arena (the default), row sources that
        give any row again, or row sources that give each row once, in order.  Only images of bytes have rows.
    database : Path, optional
        Folder of a tuning database (``tvm-patch tune``), asked before the one that comes with the project.
    prefer : {"size", "balanced", "speed"}
        Whether code should be small or fast.  ``size`` does not ask databases; only ``speed`` unrolls as they say.
    weights_in_ram : {"none", "auto"}
        Whether weights that are streamed from slow flash are copied to RAM at start, where the board's SRAM, or the
        `sram` of a request, has room beside the arena.
    signature : str, optional
        Which of the file's signatures; its first subgraph otherwise.
    prune : bool
        Whether channels that are constant or never read are left out; the outputs are the same bits.
    sram : int, optional
        Without a plan: bytes that the arena may grow to where scratch makes kernels faster; those of the board's SRAM
        otherwise.  It is no limit of what the network needs.
    progress : callable, optional
        Called with what is being done and the fraction done.

    Returns
    -------
    Artifact
        In memory; :meth:`Artifact.save` writes it.

    Raises
    ------
    UserError
        When the model, the plan or an option cannot be used.
    """
    if plan is not None and (segments is not None or input_mode is not None):
        raise UserError(
            "a plan has its own segments and input mode; give either plan, or segments and input_mode"
        )
    if prefer not in PREFERENCES:
        raise UserError(f"prefer {prefer!r} is unknown; use {', '.join(PREFERENCES)}")
    if weights_in_ram not in WEIGHTS_IN_RAM:
        raise UserError(f"weights_in_ram {weights_in_ram!r} is unknown; use {', '.join(WEIGHTS_IN_RAM)}")
    report = progress or (lambda _text, _fraction: None)
    target = target_of(board, as_board)
    room = sram or room_of(get_board(as_board or board))
    report("reading and legalizing", 0.0)
    legalized = legalize(model, name, io, signature, target, prune)
    _, network = legalized.describe(lambda text, done: report(text, 0.05 + 0.2 * done))
    found: Plan | None = None
    schedule: Schedule | None = None
    mode: InputMode = input_mode or "resident"
    if plan is not None:
        found, schedule = resolve(legalized, plan, lambda text, done: report(text, 0.25 + 0.1 * done))
    elif segments is not None:
        schedule = Schedule.of(network, segments(network), mode)
    tuned = tuned_configs(target, database, prefer, (board, target.name))
    program = legalized.lower(
        schedule, lambda text, done: report(text, 0.35 + 0.25 * done), mode, tuned, room
    )
    report("planning memory", 0.6)
    placement = program.schedule.placement
    if found is not None:
        _check_promise(found, program.schedule)
    in_ram, notes = RamConstants(), legalized.notes
    if weights_in_ram == "auto":
        in_ram, note = choose_weights_in_ram(
            program, as_board or board, plan.sram if isinstance(plan, Request) else None
        )
        notes = (*notes, note)
    report("printing C", 0.7)
    emitted = emit(program, placement, legalized.inputs, legalized.outputs, in_ram.symbols)
    inputs, outputs = model_borders(legalized)
    origin = Origin(
        board=board,
        model_sha256=legalized.sha256,
        model_inputs=inputs,
        model_outputs=outputs,
        io=io,
        input_mode=program.schedule.mode,
        prefer=prefer,
        signature=signature,
        notes=notes,
        ram_constant_bytes=in_ram.size,
        scheme=found.scheme if found else "custom" if segments else "layer",
        plan=found,
    )
    others = {**emitted.files, **_records(legalized, program)}
    report("done", 1.0)
    return Artifact(ArtifactFiles(metadata(program, placement, emitted, origin), others))


def _check_promise(plan: Plan, schedule: Schedule) -> None:
    """Raise InternalError unless what was compiled costs what the plan says."""
    for what, said, compiled in (
        ("an arena of", plan.arena_bytes, schedule.arena_bytes),
        ("macs_executed of", plan.macs_executed, schedule.macs_executed),
    ):
        if said != compiled:
            raise InternalError(
                f"{schedule.network.name}: the plan promises {what} {said}, but {compiled} was compiled"
            )


def _records(legalized: Legalized, program: Program) -> dict[str, bytes]:
    """Return what is kept for people and tools: the module and the constants."""
    arrays, _ = constant_table(program)
    buffer = std_io.BytesIO()
    # Any: numpy's stub takes the keyword allow_pickle for one of the arrays.
    savez: Any = np.savez
    savez(buffer, **arrays)
    name = legalized.name
    return {
        f"src/{name}.relax.json": tvm.ir.save_json(legalized.module).encode(),
        f"src/{name}.relax.txt": legalized.module.script().encode(),
        f"parameters/{name}.params.npz": buffer.getvalue(),
    }
