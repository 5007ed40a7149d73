"""Where a command's words go: tables to stdout, progress to stderr, JSON where the user says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from tvm_patch.cli.streams import write_utf8

if TYPE_CHECKING:
    from rich.console import Console

Progress = Callable[[str, float | None], None]
"""Called with what is being done and the fraction done (None: unknown)."""


class Report(Protocol):
    """Anything that can be written as JSON."""

    def to_json(self) -> str:
        """Return the report as JSON."""


R = TypeVar("R", bound=Report)


class Output:
    """The output options of one command.

    Parameters
    ----------
    json : str or None
        A file, ``-`` for stdout, or None.  With ``-`` stdout carries the JSON and nothing else.
    quiet : bool
        Print no tables and no progress.

    Raises
    ------
    UserError
        When the JSON file cannot be written: now, not after minutes of work.
    """

    def __init__(self, json: str | None, quiet: bool) -> None:
        self.json = json
        self.quiet = quiet
        if json is not None and json != "-":
            from tvm_patch.files import check_can_write

            check_can_write(Path(json))

    @contextmanager
    def progress(self, title: str) -> Iterator[Progress]:
        """Show a spinner, a bar and the time on stderr while the block runs; nothing unless it is a terminal."""
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        console = Console(stderr=True)
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Bars(
            *columns, console=console, transient=True, disable=self.quiet or not console.is_terminal
        ) as bars:
            task = bars.add_task(title, total=None)

            def step(text: str, fraction: float | None) -> None:
                if fraction is None:
                    bars.update(task, description=text, total=None)
                else:
                    bars.update(task, description=text, total=1.0, completed=fraction)

            yield step

    def emit(self, report: R, show: Callable[[Console, R], None]) -> None:
        """Write the report as JSON where asked, and as tables for people."""
        if self.json == "-":
            write_utf8(report.to_json())
            return
        if self.json is not None:
            from tvm_patch.files import write_text

            write_text(Path(self.json), report.to_json())
        if not self.quiet:
            from rich.console import Console

            console = Console(highlight=False)
            if not console.is_terminal:
                # In a pipe or a file, long lines are better than cut ones.
                console = Console(highlight=False, width=160)
            show(console, report)
