"""Documents of this project that are JSON with a format and a version: read, or refused by the name of the field."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from tvm_patch.errors import UserError

Document = TypeVar("Document", bound=BaseModel)


def read_versioned(
    text: str, document: type[Document], kind: str, refused: type[UserError] = UserError, advice: str = ""
) -> Document:
    """Return the document that a JSON text is.

    Parameters
    ----------
    text : str
    document : class
        With fields ``format`` and ``version``, whose defaults are those that it reads.
    kind : str
        What it is, in a word.
    refused : class
        Of the error.
    advice : str
        What to do with a document of another version.

    Raises
    ------
    UserError
        When it is none of this version; names the field.
    """
    wanted, version = (document.model_fields[name].default for name in ("format", "version"))
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise refused(f"not JSON: {error}") from error
    if not isinstance(data, dict) or data.get("format") != wanted:
        article = "an" if kind[0] in "aeiou" else "a"
        raise refused(f'format: not {article} {kind}; the field must be "{wanted}"')
    if data.get("version") != version or isinstance(data.get("version"), bool):
        raise refused(
            f"version: {data.get('version')!r} is not known; this tvm-patch reads version {version}{advice}"
        )
    try:
        return document.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise refused(f"{_field(first['loc']) or kind}: {first['msg'].lower()}") from error


def _field(location: Sequence[int | str]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
