"""``tvm-patch run``: one inference on a board, with its cost, compared with the reference if asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tvm_patch.cli.answers import check_output_file, labels_in, read_labels, write_outputs
from tvm_patch.cli.code_options import (
    DatabaseOption,
    Prefer,
    PreferOption,
    WeightsInRamName,
    WeightsInRamOption,
)
from tvm_patch.cli.inputs import InputScale, load_inputs
from tvm_patch.cli.options import Border, IoOption, JsonOption, QuietOption, SignatureOption, check_board
from tvm_patch.cli.output import Output
from tvm_patch.cli.plan_options import (
    InputModeOption,
    LayersOption,
    MaxOverheadOption,
    ObjectiveOption,
    PatchesOption,
    PlanFileOption,
    PlanOptions,
    SchemeOption,
    SramOption,
)
from tvm_patch.cli.plan_source import about, plan_source, refuse_plan
from tvm_patch.errors import UserError


def run(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL|DIR", help="A .tflite file, or an artifact of tvm-patch compile.")
    ],
    board: Annotated[str, typer.Option("--board", help="host, qemu_m7 or qemu_m4.")] = "host",
    as_board: Annotated[
        str | None,
        typer.Option("--as", help="Board that the emulated one stands for: its SRAM and flash sizes hold."),
    ] = None,
    inputs: Annotated[
        list[Path] | None,
        typer.Option(
            "--input", help="A .npy array or a picture; once per input of the network. Random without it."
        ),
    ] = None,
    input_scale: Annotated[
        InputScale | None,
        typer.Option(
            help="What pixels become: raw (0..255), 01 (0..1), -11 (-1..1); guessed from the input's scale."
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Compare with LiteRT's reference kernels; exit 1 if one bit differs or no kernels of LiteRT's run it.",
        ),
    ] = False,
    source: Annotated[
        Path | None,
        typer.Option("--model", help="With DIR and --check: the .tflite that DIR was compiled from."),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels", help="Names of the classes, one a line; those that the model carries otherwise."
        ),
    ] = None,
    save: Annotated[
        Path | None, typer.Option("--output", help="Write the outputs to a .npy, .npz or .json file.")
    ] = None,
    signature: SignatureOption = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the random input.")] = 0,
    io: IoOption = Border.int8,
    plan: PlanFileOption = None,
    input_mode: InputModeOption = None,
    scheme: SchemeOption = None,
    patches: PatchesOption = None,
    layers: LayersOption = None,
    sram: SramOption = None,
    max_overhead: MaxOverheadOption = None,
    objective: ObjectiveOption = None,
    database: DatabaseOption = None,
    prefer: PreferOption = Prefer.balanced,
    weights_in_ram: WeightsInRamOption = WeightsInRamName.none,
    json: JsonOption = None,
    quiet: QuietOption = False,
) -> None:
    """Run one inference; report cycles, instructions, SRAM and flash.

    \b
    Examples:
      tvm-patch run person.tflite --check
      tvm-patch run person.tflite --board qemu_m7 --as nucleo_f746zg --input me.jpg --labels person.txt
      tvm-patch run build/person --board qemu_m4 --json report.json
      tvm-patch run build/person --check --model person.tflite
      tvm-patch run person.tflite --board qemu_m7 --input-mode rereadable --max-overhead 1.05 --check
    """  # noqa: D301 -- \b keeps the lines apart in --help
    if not model.exists():
        raise UserError(f"{model} does not exist; give a .tflite file or the folder of an artifact")
    output = Output(json, quiet)
    from microtvm_project.boards import check_stand_in

    limits = check_board(as_board or board)
    check_stand_in(check_board(board), limits if as_board else None)
    is_model = model.is_file() and model.suffix != ".tar"
    options = PlanOptions(input_mode, scheme, patches, layers, sram, max_overhead, objective)
    if not is_model:
        refuse_plan(model, plan, options)
        if database is not None or prefer is not Prefer.balanced:
            raise UserError(f"{model} is compiled already; give --database and --prefer to tvm-patch compile")
        if weights_in_ram is not WeightsInRamName.none:
            raise UserError(f"{model} is compiled already; give --weights-in-ram to tvm-patch compile")
        if signature is not None:
            raise UserError(f"{model} is compiled already; give --signature to tvm-patch compile")
    source_plan = plan_source(plan, options, limits)
    reference = (model if is_model else source) if check else None
    if check and reference is None:
        raise UserError(f"--check needs the model that {model} was compiled from; give it with --model")

    with output.progress(f"loading {model.name}") as step:
        from tvm_patch import driver
        from tvm_patch.oracle import OracleRefusal
        from tvm_patch.report.answer import check_labels

        artifact = None if is_model else driver.Artifact.load(model)
        data = None
        if reference is not None or is_model:
            from tvm_patch.driver.front import read_source

            data, _ = read_source(reference or model)
            if artifact is not None:
                artifact.check_made_from(data, str(reference))
        if artifact is None:
            with about(plan):
                artifact = driver.compile(
                    model,
                    board=as_board or board,
                    io=io.value,
                    plan=source_plan,
                    database=database,
                    prefer=prefer.value,
                    weights_in_ram=weights_in_ram.value,
                    signature=signature,
                    progress=step,
                )
        borders = artifact.metadata.outputs
        names = read_labels(labels) if labels is not None else labels_in(data) if data is not None else []
        if labels is not None:
            check_labels(names, borders, str(labels))
        if save is not None:
            check_output_file(save, len(borders))
        if inputs:
            given = [load_inputs(inputs, artifact.metadata, input_scale)]
        else:
            given = driver.random_inputs(artifact, 1, seed)
        step(f"running on {board}", None)
        result = artifact.run(given, board=board, as_board=as_board, cycles=True)
        checked, unchecked = None, None
        if reference is not None and data is not None:
            step("comparing with the reference", None)
            try:
                checked = driver.check(artifact, data, given, result.outputs, beside_default=True)
            except OracleRefusal as refusal:
                unchecked = str(refusal)
    if save is not None:
        write_outputs(save, borders, result.outputs[0])

    from tvm_patch.report import run_report
    from tvm_patch.report.answer import answers
    from tvm_patch.report.tables import print_run

    report = run_report(
        model.name,
        board,
        as_board,
        artifact.metadata,
        result,
        checked=checked,
        unchecked=unchecked,
        answers=answers(borders, result.outputs[0], names) if inputs else [],
    )
    output.emit(report, print_run)
    if unchecked is not None or (checked is not None and not checked.bit_exact):
        raise typer.Exit(1)
