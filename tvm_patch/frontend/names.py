"""Readable, unique C identifiers for tensors."""

from __future__ import annotations

import re

_LONGEST = 48


def words(text: str) -> frozenset[str]:
    """Return the words of `text` as a set: tables of names read better without quotes."""
    return frozenset(text.split())


# Scopes that say nothing and would only fill reports.
_NOISE = re.compile(
    r"(StatefulPartitionedCall(_\d+)?|PartitionedCall(_\d+)?|serving_default_|functional_\d+|model(_\d+)?)/?"
)
_KEYWORDS = words(
    "auto break case char const continue default do double else enum extern float for goto if inline int "
    "long register restrict return short signed sizeof static struct switch typedef union unsigned void "
    "volatile while main"
)


def sanitise(name: str) -> str:
    """Return a C identifier near `name`: of several merged names the first, without empty scopes.

    >>> sanitise("model/re_lu/Relu6;model/bn/FusedBatchNormV3")
    're_lu_Relu6'
    """
    first = name.split(";", maxsplit=1)[0]
    short = _NOISE.sub("", first.removesuffix(":0")) or first
    identifier = re.sub(r"[^A-Za-z0-9]+", "_", short).strip("_")[-_LONGEST:].strip("_")
    if not identifier or identifier[0].isdigit() or identifier in _KEYWORDS:
        identifier = f"t_{identifier}" if identifier else "tensor"
    return identifier


class UniqueNames:
    """Hands out names, each once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, wanted: str) -> str:
        """Return `wanted`, or `wanted` with the next free number."""
        name, count = wanted, 1
        while name in self._taken:
            name, count = f"{wanted}_{count}", count + 1
        self._taken.add(name)
        return name
