"""Text files of data sets, read or refused by name."""

from __future__ import annotations

from pathlib import Path

from tvm_patch.errors import InputError


def lines_of(path: Path) -> list[str]:
    """Return the lines of a text file that are not empty.

    Raises
    ------
    InputError
        When it cannot be read; names it.
    """
    return [line.strip() for line in text_of(path).splitlines() if line.strip()]


def text_of(path: Path) -> str:
    """Return the content of a text file.

    Raises
    ------
    InputError
        When it cannot be read; names it.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text in UTF-8") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error


def refuse(kind: str, bad: list[InputError], whole: int) -> None:
    """Raise an error that names the first of bad things and counts the others, if there are any.

    Parameters
    ----------
    kind : str
        What they are, in the plural.
    bad : list of InputError
    whole : int
        How many things there are.
    """
    if bad:
        others = len(bad) - 1
        counted = f"; so {'is' if others == 1 else 'are'} {others} more of {whole} {kind}" if others else ""
        raise InputError(f"{bad[0]}{counted}; mend or remove {'them' if others else 'it'}") from bad[0]
