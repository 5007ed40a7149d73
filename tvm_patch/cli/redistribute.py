"""``tvm-patch redistribute``: less work done twice by patches, as much work in all."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tvm_patch.cli.options import JsonOption, ModelArgument, QuietOption, check_model
from tvm_patch.cli.output import Output
from tvm_patch.errors import UserError


def redistribute(
    model: ModelArgument,
    path: Annotated[Path, typer.Option("-o", "--output", help="The .tflite to write.")],
    recipe: Annotated[str | None, typer.Option("--recipe", help="Edits with a name: mobilenetv2-rd.")] = None,
    search: Annotated[
        bool, typer.Option("--search", help="Find the edits with the least overhead at MACs within 5 %.")
    ] = False,
    layers: Annotated[
        int | None,
        typer.Option(
            "--layers", min=1, help="Operators that run patch by patch; as scheme mcunetv2 by default."
        ),
    ] = None,
    patches: Annotated[
        int | None,
        typer.Option("--patches", min=1, help="Patches along each axis; 4 where they fit by default."),
    ] = None,
    json: JsonOption = None,
    quiet: QuietOption = False,
) -> None:
    """Shrink what patches see of the input, and give the work back later in the network (MCUNetV2).

    Windows of the patch stage shrink and residual blocks move behind it.  Weights carry over; train the result before
    you trust it.

    \b
    Examples:
      tvm-patch redistribute mbv2.tflite -o mbv2-rd.tflite --recipe mobilenetv2-rd
      tvm-patch redistribute person.tflite -o person-rd.tflite --search
      tvm-patch redistribute person.tflite -o person-rd.tflite --search --layers 14 --patches 3 --json -
    """  # noqa: D301 -- \b keeps the lines apart in --help
    if (recipe is None) != search:
        raise UserError("give either --recipe NAME or --search")
    check_model(model)
    output = Output(json, quiet)
    from tvm_patch.files import check_can_write, write_bytes

    check_can_write(path)
    if recipe is not None:
        from tvm_patch.redistribution.recipes import recipe_named

        recipe_named(recipe)
    with output.progress(f"redistributing {model.name}") as step:
        from tvm_patch.driver.redistribute import redistribute as redistribute_model

        made = redistribute_model(model, recipe, layers, patches, step)
    write_bytes(path, made.data)
    from tvm_patch.report.redistribute import print_redistribute, redistribute_report

    output.emit(redistribute_report(model.name, str(path), recipe, made), print_redistribute)
