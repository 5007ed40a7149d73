"""``tvm-patch board-server``: share a board through TVM's RPC tracker."""

from __future__ import annotations

import signal
import sys
import time
from typing import Annotated

import typer

from tvm_patch.cli.options import QuietOption, check_board
from tvm_patch.cli.output import Output


def board_server(
    board: Annotated[str, typer.Option("--board", help="What is plugged in: tvm-patch boards.")],
    tracker: Annotated[str, typer.Option("--tracker", metavar="HOST:PORT", help="TVM's RPC tracker.")],
    key: Annotated[
        str | None, typer.Option("--key", help="What to register it as; the board's name otherwise.")
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            "--host", help="Address to listen at. TVM's RPC has no passwords: only where all are trusted."
        ),
    ] = "127.0.0.1",
    options: Annotated[
        list[str] | None,
        typer.Option("--option", "-O", metavar="NAME=VALUE", help="Of tvm-patch project options zephyr."),
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Let tvm-patch tune --tracker measure on a board that is plugged in here, until interrupted.

    \b
    Examples:
      python -m tvm.exec.rpc_tracker --host 127.0.0.1 --port 9190
      tvm-patch board-server --board nucleo_f746zg --tracker 127.0.0.1:9190 -O serial=0669FF
      tvm-patch tune person.tflite --board nucleo_f746zg --tracker 127.0.0.1:9190 --objective cycles
    """  # noqa: D301 -- \b keeps the lines apart in --help
    output = Output(None, quiet)
    check_board(board)
    from microtvm_project.project import handler_for
    from microtvm_project.project_api import parse_option
    from tvm_patch.driver.board_server import start_server
    from tvm_patch.tuning.remote import Tracker

    known = handler_for("zephyr").options
    given = dict(parse_option(known, text) for text in options or ())
    server = start_server(board, Tracker.parse(tracker, key or board), host, given)
    # So that what it has started ends with it, whoever ends it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with output.progress(f"{board} is registered as {key or board} at {tracker}; Ctrl-C ends it"):
            while True:
                time.sleep(1)
    finally:
        server.terminate()
