"""``tvm-patch tune``: measure the kernels of a model on a board."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from tvm_patch.cli.options import (
    Border,
    IoOption,
    JsonOption,
    ModelArgument,
    QuietOption,
    SignatureOption,
    check_board,
    check_model,
)
from tvm_patch.cli.output import Output


class TuneFor(str, Enum):
    """Choices of ``--objective``."""

    cycles = "cycles"
    instructions = "instructions"


def tune(
    model: ModelArgument,
    board: Annotated[
        str, typer.Option("--board", help="qemu_m7 or qemu_m4; with --tracker any board.")
    ] = "qemu_m7",
    trials: Annotated[int, typer.Option("--trials", min=1, help="Most candidates to look at.")] = 1000,
    database: Annotated[
        Path, typer.Option("--database", metavar="DIR", help="Where to keep what was measured.")
    ] = Path("tuning"),
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the search.")] = 0,
    objective: Annotated[
        TuneFor,
        typer.Option("--objective", help="Cycles by the core's model, or counted instructions."),
    ] = TuneFor.cycles,
    tracker: Annotated[
        str | None,
        typer.Option(
            "--tracker", metavar="HOST:PORT", help="TVM's RPC tracker, whose boards share the work."
        ),
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="What its boards are registered as; --board otherwise.")
    ] = None,
    io: IoOption = Border.int8,
    signature: SignatureOption = None,
    json: JsonOption = None,
    quiet: QuietOption = False,
) -> None:
    """Let MetaSchedule choose the kernels' parameters by what they cost on a board.

    Interrupt it at any time: started again with the same seed it goes on, and ends as if it had not been.

    \b
    Examples:
      tvm-patch tune person.tflite --database build/tuned
      tvm-patch compile person.tflite -o build/person --board qemu_m7 --database build/tuned --prefer speed
    """  # noqa: D301 -- \b keeps the lines apart in --help
    check_model(model)
    check_board(board)
    output = Output(json, quiet)
    with output.progress(f"reading {model.name}") as step:
        from tvm_patch.driver.front import legalize
        from tvm_patch.driver.tune import tune as tune_network
        from tvm_patch.tuning.remote import Tracker

        result = tune_network(
            legalize(model, io=io.value, signature=signature),
            database,
            board=board,
            trials=trials,
            seed=seed,
            objective=objective.value,
            tracker=None if tracker is None else Tracker.parse(tracker, key or board),
            progress=step,
        )
    from tvm_patch.report.tune import print_tune, tune_report

    output.emit(tune_report(model.name, board, database, objective.value, seed, result), print_tune)
