"""Reports of the commands that list things."""

from __future__ import annotations

from pydantic import Field

from tvm_patch.report.models import Report


class BoardReport(Report):
    """A board of the table.

    Attributes
    ----------
    name, cpu : str
    clock_hz : int or None
    console, runner : str
        Where the firmware talks, and what runs it.
    memories : dict of str to int
        Bytes by name of memory.
    """

    name: str
    cpu: str
    clock_hz: int | None
    console: str
    runner: str
    memories: dict[str, int] = Field(default_factory=dict)


class BoardList(Report):
    """All boards."""

    boards: list[BoardReport]


class ArchitectureReport(Report):
    """An architecture of the zoo.

    Attributes
    ----------
    name, description : str
    width : float
        Default factor on the channels.
    resolution, classes : int
        Default rows of the input, and outputs.
    """

    name: str
    description: str
    width: float
    resolution: int
    classes: int


class ZooList(Report):
    """All architectures of the zoo."""

    architectures: list[ArchitectureReport]


class ZooReport(Report):
    """A model that was written.

    Attributes
    ----------
    name, path : str
    bytes : int
        Size of the file.
    """

    name: str
    path: str
    bytes: int
