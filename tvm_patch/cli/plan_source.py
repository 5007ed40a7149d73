"""Where commands that compile get their plan from: a file, the planning options, or nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tvm_patch.cli.plan_options import PlanOptions, SchemeName
from tvm_patch.errors import PlanError, UserError

if TYPE_CHECKING:
    from microtvm_project.boards import Board
    from tvm_patch.planner.choose import Request
    from tvm_patch.planner.plan import Plan


def plan_source(file: Path | None, options: PlanOptions, board: Board | None = None) -> Plan | Request | None:
    """Return what to compile under; None for one operator after another, as without any option.

    Parameters
    ----------
    file : Path or None
        Of ``--plan``.
    options : PlanOptions
    board : Board, optional
        The board whose SRAM is the limit when something is to be planned.

    Raises
    ------
    UserError
        When the options contradict each other, or the file is no plan.
    """
    if file is not None:
        if options.given:
            raise UserError(
                f"--plan {file} says already how to run the model; leave out {', '.join(options.given)}, or --plan"
            )
        from tvm_patch.planner.plan import Plan

        return Plan.load(file)
    if not options.given:
        return None
    # Asked for nothing but layers, the user gets what comes without options, and the compiler says if it does not fit.
    only_layers = options.given == ["--scheme"] and options.scheme is SchemeName.layer
    return None if only_layers else options.request(board)


def refuse_plan(artifact: Path, file: Path | None, options: PlanOptions) -> None:
    """Raise UserError when an artifact, which is compiled already, is to be planned."""
    given = [*(["--plan"] if file is not None else []), *options.given]
    if given:
        raise UserError(
            f"{artifact} is compiled already, under a plan of its own; leave out {', '.join(given)}, "
            "or give the .tflite file"
        )


@contextmanager
def about(file: Path | None) -> Iterator[None]:
    """Name the file of the plan in what the block has to say against the plan."""
    try:
        yield
    except PlanError as error:
        if file is None:
            raise
        raise PlanError(f"{file}: {error}") from error
