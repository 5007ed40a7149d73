"""Standard streams that are closed, full, or of an encoding that lacks what is printed."""

from __future__ import annotations

import codecs
import contextlib
import errno
import os
import sys

_PLAIN = str.maketrans(
    {
        **dict.fromkeys("█▉▊▋▌▋", "#"),
        **dict.fromkeys("▍▎▏", ""),
        "×": "x", "–": "-", "←": "<", "→": ">", "…": "...", "µ": "u", "±": "+-", "≤": "<=", "≥": ">=", "·": ".",
        **dict.fromkeys("─━═╌╍", "-"),
        **dict.fromkeys("│┃║", "|"),
    }
)  # fmt: skip
_ERRORS = "tvm_patch_plain"

OUT_OF_REACH = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EROFS, errno.ENXIO})
"""Errors of disks and devices, which say nothing about this program."""


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(_PLAIN)
    return text.encode("ascii", "replace").decode(), error.end


def prepare() -> None:
    """Make all three streams usable: what is closed is nobody's, and nothing printed is beyond an encoding."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free descriptor is this one; else the next file opened would get it, and our words.
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 -- for as long as the process lives
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    codecs.register_error(_ERRORS, _plain)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=_ERRORS)


def abandon_stdout() -> None:
    """Send what is still to be written to nobody: Python would complain again when it flushes at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def write_utf8(text: str) -> None:
    """Write to stdout in UTF-8 whatever the terminal's encoding: JSON is."""
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:
        sys.stdout.write(text)
        return
    sys.stdout.flush()
    buffer.write(text.encode("utf-8", "backslashreplace"))
    buffer.flush()
