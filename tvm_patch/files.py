"""What all writers of files ask before they start."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tvm_patch.errors import UserError


def check_folder(folder: Path) -> None:
    """Raise UserError when no file can be made in a folder that exists."""
    try:
        # Permission bits say little of read-only mounts, quotas and root; a file that appears and goes says all.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(f"{folder} is not writable ({error.strerror}); write elsewhere") from error
