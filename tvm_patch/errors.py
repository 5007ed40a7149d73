"""Errors that this project raises on purpose.

Every error a user can cause is a :class:`UserError`: one line that says what is wrong, where, and what to do
about it.  The command line prints it and exits with 2.  Anything else is a fault of ours and exits with 1.
"""

from __future__ import annotations

from pathlib import Path


class PatchError(Exception):
    """Base of all errors raised by tvm-patch."""

    exit_code = 1


class UserError(PatchError):
    """The input, the options or the machine at hand cannot do what was asked."""

    exit_code = 2


class ModelFormatError(UserError):
    """The file is not a TFLite model that can be read: truncated, corrupt or inconsistent."""


class UnsupportedError(UserError):
    """The model is well formed but uses something that cannot be compiled.

    Parameters
    ----------
    what : str
        What is not supported, and why.
    where : str
        The operator (index, kind, name) or tensor concerned.
    way_out : str
        What the user can do.
    """

    def __init__(self, what: str, where: str = "", way_out: str = "") -> None:
        self.what, self.where, self.way_out = what, where, way_out
        message = f"{where}: {what}" if where else what
        if way_out:
            message = f"{message}; {way_out}"
        super().__init__(message)

    def at(self, where: str) -> UnsupportedError:
        """Return the same error with another place, for whoever knows it better."""
        return UnsupportedError(self.what, where, self.way_out)


class PlanError(UserError):
    """A plan is malformed, belongs to another network, or does not fit the limits given."""


class InputError(UserError):
    """An input array or picture has the wrong shape, dtype or content."""


class ToolMissingError(UserError):
    """A compiler, QEMU or an optional Python package is not installed."""


class DoesNotFitError(UserError):
    """The firmware needs more SRAM or flash than the board has."""


def name_folder(error: PatchError, temporary: Path, known: Path) -> None:
    """Let an error speak of a folder that its reader knows, where it speaks of one that is gone by then."""
    for place in (str(temporary), str(temporary.resolve())):
        error.args = tuple(a.replace(place, str(known)) if isinstance(a, str) else a for a in error.args)


class BoardError(PatchError):
    """A board (or the emulator that stands for it) failed, timed out or answered nonsense."""


class InternalError(PatchError):
    """An invariant of the compiler does not hold; always a bug of ours."""
