"""The command tree, and what happens when a command fails.

Exit codes: 0 done; 1 a check failed or a fault of ours; 2 the user's mistake, or the machine's (a full disk); 130
interrupted, 143 terminated.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from tvm_patch.cli.board_server import board_server
from tvm_patch.cli.boards import boards
from tvm_patch.cli.compile import compile_model
from tvm_patch.cli.evaluate import evaluate
from tvm_patch.cli.finetune import finetune
from tvm_patch.cli.inspect import inspect
from tvm_patch.cli.plan import plan
from tvm_patch.cli.project import project
from tvm_patch.cli.redistribute import redistribute
from tvm_patch.cli.run import run
from tvm_patch.cli.search import search
from tvm_patch.cli.search_space import search_space
from tvm_patch.cli.streams import OUT_OF_REACH, abandon_stdout, prepare
from tvm_patch.cli.tune import tune
from tvm_patch.cli.zoo import zoo
from tvm_patch.errors import PatchError
from tvm_patch.garbage import collect_rarely
from tvm_patch.version import __version__

INTERRUPTED = 130
TRACEBACK_VARIABLE = "TVM_PATCH_TRACEBACK"

app = typer.Typer(
    name="tvm-patch",
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("inspect")(inspect)
app.command("plan")(plan)
app.command("compile")(compile_model)
app.command("run")(run)
app.command("tune")(tune)
app.command("redistribute")(redistribute)
app.command("search")(search)
app.command("finetune")(finetune)
app.command("evaluate")(evaluate)
app.command("search-space")(search_space)
app.command("boards")(boards)
app.command("board-server")(board_server)
app.add_typer(project, name="project")
app.add_typer(zoo, name="zoo")


@app.callback(invoke_without_command=True)
def _top(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    show_traceback: Annotated[
        bool, typer.Option("--traceback", help=f"Show Python tracebacks (or set {TRACEBACK_VARIABLE}=1).")
    ] = False,
) -> None:
    """Run TFLite int8 networks on Cortex-M microcontrollers in little SRAM.

    \b
    Look at a model, compile it, run it on an emulated Cortex-M7 and compare with LiteRT:
      tvm-patch inspect model.tflite
      tvm-patch compile model.tflite --board nucleo_f746zg -o build/model
      tvm-patch run build/model --board qemu_m7 --as nucleo_f746zg
      tvm-patch run model.tflite --board host --check
    """  # noqa: D301 -- \b keeps the lines apart in --help
    if show_traceback:
        os.environ[TRACEBACK_VARIABLE] = "1"
    if version:
        typer.echo(f"tvm-patch {__version__}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


class _TerminatedError(BaseException):
    """SIGTERM: what is open is closed and what is temporary is removed, as when interrupted.

    No KeyboardInterrupt, which typer takes for its own.
    """


def _terminate(_number: int, _frame: object) -> None:
    raise _TerminatedError


def run_app(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; ``sys.argv`` otherwise.
    """
    try:
        code = app(arguments, prog_name="tvm-patch", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output has gone (`| head`).
        abandon_stdout()
        return 1
    except _TerminatedError:
        _say("terminated")
        return 143
    except (KeyboardInterrupt, typer.Abort):
        _say("interrupted")
        return INTERRUPTED
    except PatchError as error:
        return _explain(error, f"error: {error}", error.exit_code)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in OUT_OF_REACH:
            where = f" {error.filename}" if error.filename else ""
            abandon_stdout()
            return _explain(
                error, f"error: cannot write{where}: {error.strerror}; make room, or write elsewhere", 2
            )
        message = getattr(error, "format_message", None)
        if message is not None:  # a usage error of typer's; its class moves from version to version
            return _explain(error, f"error: {message()}; see tvm-patch --help", 2)
        return _explain(
            error,
            f"internal error: {type(error).__name__}: {error}; "
            f"please report it with the output of --traceback (or {TRACEBACK_VARIABLE}=1)",
            1,
        )
    if code == INTERRUPTED:  # typer makes an exit code of it without a word
        _say("interrupted")
    return code if isinstance(code, int) else 0


def _explain(error: BaseException, line: str, code: int) -> int:
    if os.environ.get(TRACEBACK_VARIABLE, "0") not in ("", "0"):
        traceback.print_exception(error)
    _say(" ".join(line.split()))
    return code


def _say(line: str) -> None:
    with contextlib.suppress(OSError):  # a full or closed stderr leaves the exit code to speak
        print(line, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command line and leave with its exit code."""
    collect_rarely()
    prepare()
    # Only where nobody has said otherwise: nohup and its kin ignore signals on purpose.
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)
    sys.exit(run_app(arguments))
