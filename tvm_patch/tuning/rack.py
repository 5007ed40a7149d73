"""Where batches of candidates run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from microtvm_project.build import build_firmware
from microtvm_project.run import operator_cycles, run_firmware
from tvm_patch.tuning.batch import BUILD_OPTIONS, Batch, Objective, Outcome

Run = Callable[[Objective], list[Outcome]]
"""Runs a batch; returns per config what the whole operator costs, or why it cannot be used."""


class Rack(Protocol):
    """One board or several.

    Attributes
    ----------
    board : str
        What they are.
    """

    board: str

    def prepare(self, batch: Batch, folder: Path) -> Run:
        """Build a batch, if it is built here, and return what runs it.

        Parameters
        ----------
        batch : Batch
            The candidates.
        folder : Path
            For what is built; stays until it was run.

        Raises
        ------
        BoardError
            It does not compile.
        """


class EmulatedRack:
    """The emulated board of this machine.

    Parameters
    ----------
    board : str
        ``qemu_m7`` or ``qemu_m4``.
    """

    def __init__(self, board: str) -> None:
        self.board = board

    def prepare(self, batch: Batch, folder: Path) -> Run:
        """Build firmware; see :meth:`Rack.prepare`."""
        firmware = build_firmware(
            batch.artifact, self.board, folder / "firmware", profile=True, **BUILD_OPTIONS
        )

        def run(objective: Objective) -> list[Outcome]:
            result = run_firmware(firmware, [batch.inputs])
            counts = result.operator_instructions
            assert counts is not None
            if objective == "cycles":
                counts = [c.total for c in operator_cycles(firmware, batch.inputs)]
            return batch.outcomes(counts, result.outputs[0])

        return run
