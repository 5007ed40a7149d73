"""``tvm-patch finetune``: train an architecture to its end, without a search."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tvm_patch.cli.options import JsonOption, QuietOption
from tvm_patch.cli.output import Output
from tvm_patch.errors import UserError


def finetune(
    record: Annotated[
        Path, typer.Argument(metavar="RECORD", help="The JSON file of an architecture or a candidate.")
    ],
    data: Annotated[
        str,
        typer.Option(
            "--data", metavar="DIR", help="Pictures: a folder or zip file, or digits, which are made."
        ),
    ],
    folder: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="For all results; one that exists goes on.")
    ],
    weights: Annotated[
        Path | None,
        typer.Option("--weights", metavar="FILE", help="A network.keras of a search; new weights otherwise."),
    ] = None,
    preset: Annotated[str, typer.Option("--preset", help="How much work, as for search.")] = "quick",
    bits: Annotated[int, typer.Option("--bits", help="Of weights while they are rounded: 8 or 4.")] = 8,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of everything random.")] = 0,
    json: JsonOption = None,
    quiet: QuietOption = False,
) -> None:
    """Train a network, let it learn that it will be rounded, and write it as an int8 .tflite file.

    Its accuracy is that of the compiled program on the test pictures.  Interrupted, it goes on with the same options.

    \b
    Examples:
      tvm-patch finetune build/digits/candidate.json --data digits -o build/again
      tvm-patch finetune build/digits/candidate.json --weights build/digits/network.keras --data mine/ -o build/mine
    """  # noqa: D301 -- \b keeps the lines apart in --help
    output = Output(json, quiet)
    if bits not in (4, 8):
        raise UserError(f"--bits {bits} is unknown; use 8 or 4")
    from tvm_patch.cli.search import require_training
    from tvm_patch.driver.finetune import finetune as train
    from tvm_patch.driver.finetune import read_architecture
    from tvm_patch.nas.data.open import open_task
    from tvm_patch.nas.data.pictures import Task
    from tvm_patch.nas.presets import preset_named

    architecture = read_architecture(record)
    finish = preset_named(preset).finish.model_copy(update={"bits": bits})
    require_training()
    with output.progress(f"reading {data}"):
        task = open_task(data)
    if not isinstance(task, Task):
        raise UserError(f"{data} has boxes; only classifiers are trained here")
    with output.progress(f"training on {task.name}") as step:
        done = train(architecture, task, finish, folder, weights=weights, seed=seed, progress=step)
    from tvm_patch.report.evaluate import evaluation_report, print_evaluation

    name = "network.tflite"
    report = evaluation_report(
        name, task.name, "test", "host", task.classes, done.evaluation, done.arena_bytes
    )
    output.emit(report, print_evaluation)
    if done.evaluation.differing:
        raise typer.Exit(1)
