"""``tvm-patch project``: firmware projects from templates, built, flashed and run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tvm_patch.cli.inputs import InputScale, load_inputs
from tvm_patch.cli.options import JsonOption, QuietOption
from tvm_patch.cli.output import Output
from tvm_patch.errors import UserError

if TYPE_CHECKING:
    from microtvm_project.project_api import ProjectAPIClient
    from microtvm_project.session import Inference

project = typer.Typer(
    name="project",
    help="Firmware projects: create, build, flash and run them.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

ProjectArgument = Annotated[
    Path, typer.Argument(metavar="PROJECT", help="A folder that tvm-patch project create has made.")
]
OptionsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--option", "-O", metavar="NAME=VALUE", help="Of the template; see tvm-patch project options."
    ),
]
TemplateOption = Annotated[str, typer.Option("--template", "-t", help="zephyr, qemu, host or c.")]
InputsOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--input", help="A .npy array or a picture; once per input of the network. Random without it."
    ),
]
ScaleOption = Annotated[
    InputScale | None,
    typer.Option(
        help="What pixels become: raw (0..255), 01 (0..1), -11 (-1..1); guessed from the input's scale."
    ),
]


def _options(client: ProjectAPIClient, given: list[str] | None) -> dict[str, Any]:
    from microtvm_project.project_api import parse_option
    from tvm_patch.version import __version__

    known = client.server_info_query(__version__).project_options
    return dict(parse_option(known, text) for text in given or ())


@project.command("create")
def create(
    artifact: Annotated[
        Path, typer.Argument(metavar="ARTIFACT", help="A folder or .tar that tvm-patch compile has made.")
    ],
    folder: Annotated[Path, typer.Option("-o", "--output", help="Folder of the project.")],
    template: TemplateOption,
    options: OptionsOption = None,
    inputs: InputsOption = None,
    input_scale: ScaleOption = None,
    json: JsonOption = None,
    quiet: QuietOption = False,
) -> None:
    """Make a project for an artifact.

    \b
    Examples:
      tvm-patch project create build/person -t zephyr -O board=stm32f746g_disco -o build/firmware
      tvm-patch project create build/person -t zephyr -O board=nucleo_f412zg -O project_type=standalone -o fw
      tvm-patch project create build/person -t qemu -O board=qemu_m7 -O as_board=nucleo_f746zg -o build/firmware
      tvm-patch project create build/person -t c -o build/person-c
    """  # noqa: D301 -- \b keeps the lines apart in --help
    if artifact.suffix == ".tflite":
        raise UserError(f"{artifact} is not compiled yet; tvm-patch compile {artifact} -o FOLDER comes first")
    if not artifact.exists():
        raise UserError(f"{artifact} does not exist; give the folder or .tar of an artifact")
    output = Output(json, quiet)
    import tempfile

    from microtvm_project.project import template_folder
    from microtvm_project.project_api import ProjectAPIClient

    with (
        output.progress("making the project"),
        tempfile.TemporaryDirectory(prefix="tvm-patch-") as scratch,
        ProjectAPIClient(template_folder(template)) as client,
    ):
        given = _options(client, options)
        if inputs:
            given["input"] = str(_input_file(artifact, inputs, input_scale, Path(scratch)))
        client.generate_project(artifact, folder, given)
    _report(output, folder, built=False)


def _input_file(artifact: Path, inputs: list[Path], scale: InputScale | None, scratch: Path) -> Path:
    """Write the inputs as the template takes them."""
    import numpy as np

    from tvm_patch import driver

    metadata = driver.Artifact.load(artifact).metadata
    file = scratch / "inputs.npz"
    np.savez(file, *load_inputs(inputs, metadata, scale))
    return file


def _report(output: Output, folder: Path, built: bool) -> None:
    from microtvm_project.artifact import load_artifact
    from microtvm_project.project import read_project
    from microtvm_project.project.sizes import project_sizes
    from tvm_patch.report.project import ProjectReport, memory_reports, print_project

    file = read_project(folder)
    board = file.options.get("board")
    report = ProjectReport(
        project=str(folder),
        template=file.template,
        model=file.model_name,
        board=None if board is None else str(board),
        made_for=load_artifact(folder / "model").metadata.board,
        memories=memory_reports(project_sizes(folder)) if built else [],
    )
    output.emit(report, print_project)


@project.command("build")
def build(
    folder: ProjectArgument,
    options: OptionsOption = None,
    json: JsonOption = None,
    quiet: QuietOption = False,
) -> None:
    """Build a project and say what it takes of the board's memories.

    \b
    Examples:
      tvm-patch project build build/firmware
      tvm-patch project build build/firmware -O zephyr_base=$HOME/zephyrproject/zephyr -O verbose=yes
    """  # noqa: D301 -- \b keeps the lines apart in --help
    output = Output(json, quiet)
    from microtvm_project.project_api import ProjectAPIClient

    with output.progress("building"), ProjectAPIClient(folder) as client:
        client.build(_options(client, options))
    _report(output, folder, built=True)


@project.command("flash")
def flash(folder: ProjectArgument, options: OptionsOption = None, quiet: QuietOption = False) -> None:
    """Write what was built to the board.

    \b
    Examples:
      tvm-patch project flash build/firmware
      tvm-patch project flash build/firmware -O runner=pyocd
    """  # noqa: D301 -- \b keeps the lines apart in --help
    output = Output(None, quiet)
    from microtvm_project.project_api import ProjectAPIClient

    with output.progress("flashing"), ProjectAPIClient(folder) as client:
        client.flash(_options(client, options))


@project.command("run")
def run(
    folder: ProjectArgument,
    options: OptionsOption = None,
    inputs: InputsOption = None,
    input_scale: ScaleOption = None,
    profile: Annotated[bool, typer.Option("--profile", help="Say what each operator costs.")] = False,
    check: Annotated[
        Path | None,
        typer.Option(
            "--check",
            metavar="MODEL",
            help="Compare with LiteRT's reference kernels on this .tflite; exit 1 if one bit differs.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the random input.")] = 0,
    seconds: Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds for the inference.")] = 300.0,
    json: JsonOption = None,
    quiet: QuietOption = False,
) -> None:
    """Run one inference on a project's firmware, driven from here; a standalone one just starts and prints.

    \b
    Examples:
      tvm-patch project run build/firmware --input me.jpg --profile
      tvm-patch project run build/firmware -O port=/dev/ttyACM0 --check person.tflite
    """  # noqa: D301 -- \b keeps the lines apart in --help
    output = Output(json, quiet)
    from microtvm_project.project import read_project

    file = read_project(folder)
    standalone = file.options.get("project_type") == "standalone"
    if standalone and (inputs or profile):
        raise UserError(
            f"{folder} runs on the input that it was made with; only host_driven projects take another"
        )
    from microtvm_project.project.session import project_session, run_standalone, standalone_inputs
    from microtvm_project.project_api import ProjectAPIClient
    from microtvm_project.session import Timing
    from tvm_patch import driver

    artifact = driver.Artifact.load(folder / "model")
    data = None
    if check is not None:
        from tvm_patch.driver.front import read_source

        data, _ = read_source(check)
        artifact.check_made_from(data, str(check))
    operators: list[Any] = []
    with output.progress("running") as step, ProjectAPIClient(folder) as client:
        given = _options(client, options)
        result: Inference
        if standalone:
            arrays = standalone_inputs(folder)
            result = run_standalone(client, given, seconds)
        else:
            if inputs:
                arrays = load_inputs(inputs, artifact.metadata, input_scale)
            else:
                (arrays,) = driver.random_inputs(artifact, 1, seed)
            with project_session(client, given, Timing(run=seconds)) as session:
                result = session.run(arrays)
                if profile:
                    step("profiling", None)
                    operators = session.profile(arrays).operators
        exact = None
        if data is not None:
            step("comparing with the reference", None)
            exact = driver.check(artifact, data, [arrays], [result.outputs]).bit_exact
    from tvm_patch.report.answer import answers
    from tvm_patch.report.project import OperatorCostReport, ProjectRunReport, print_project_run

    report = ProjectRunReport(
        project=str(folder),
        board=str(file.options.get("board") or file.template),
        model=file.model_name,
        cost=result.cost,
        unit=result.unit,
        arena_bytes=artifact.arena_bytes,
        stack_bytes=result.stack_bytes,
        rows_read=result.rows_read,
        operators=[OperatorCostReport(name=o.name, cost=o.cost) for o in operators],
        bit_exact=exact,
        answers=answers(artifact.metadata.outputs, result.outputs) if inputs else [],
    )
    output.emit(report, print_project_run)
    if exact is False:
        raise typer.Exit(1)


@project.command("options")
def list_options(
    template: Annotated[str, typer.Argument(metavar="TEMPLATE", help="zephyr, qemu, host or c.")],
    json: JsonOption = None,
    quiet: QuietOption = False,
) -> None:
    """List a template's options.

    \b
    Examples:
      tvm-patch project options zephyr
    """  # noqa: D301 -- \b keeps the lines apart in --help
    output = Output(json, quiet)
    from microtvm_project.project import handler_for
    from tvm_patch.report.project import option_list, print_options

    output.emit(option_list(template, handler_for(template).options), print_options)


@project.command("list-boards")
def list_boards(
    template: Annotated[
        str | None, typer.Option("--template", "-t", help="Only those that it makes projects for.")
    ] = None,
    json: JsonOption = None,
    quiet: QuietOption = False,
) -> None:
    """List the boards that projects can be made for.

    \b
    Examples:
      tvm-patch project list-boards
      tvm-patch project list-boards -t zephyr --json - | jq '.boards[].name'
    """  # noqa: D301 -- \b keeps the lines apart in --help
    output = Output(json, quiet)
    from microtvm_project.boards import BOARDS
    from microtvm_project.project import HANDLERS, handler_for
    from tvm_patch.report.project import ProjectBoardList, ProjectBoardReport, print_project_boards

    if template is not None:
        handler_for(template)
    wanted = HANDLERS if template is None else {template: HANDLERS[template]}
    rows = []
    for board in BOARDS.values():
        makers = [
            name
            for name, handler in wanted.items()
            if any(o.name == "board" and board.name in (o.choices or ()) for o in handler.options)
        ]
        if makers:
            rows.append(ProjectBoardReport(name=board.name, cpu=board.cpu, templates=makers))
    output.emit(ProjectBoardList(boards=rows), print_project_boards)
