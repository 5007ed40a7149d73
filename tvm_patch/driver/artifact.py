"""The compiled model as users hold it: save it, load it, run it."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from microtvm_project.run import RunResult
from microtvm_project.run import run as run_on_board
from tvm_patch.artifact_metadata import Metadata
from tvm_patch.codegen.artifact import ArtifactFiles, read_files, write_files
from tvm_patch.errors import PatchError, UserError, name_folder

InputSet = Sequence[np.ndarray]


class Artifact:
    """A compiled model.

    Parameters
    ----------
    contents : ArtifactFiles
        The folder's files.
    folder : Path, optional
        Where it was loaded from or saved to.
    """

    def __init__(self, contents: ArtifactFiles, folder: Path | None = None) -> None:
        self.contents = contents
        self.folder = folder

    @property
    def metadata(self) -> Metadata:
        """What ``metadata.json`` says."""
        return self.contents.metadata

    @property
    def name(self) -> str:
        """Name of the model, a C identifier."""
        return self.metadata.model_name

    @property
    def arena_bytes(self) -> int:
        """Bytes of the one static block that an inference uses."""
        return self.metadata.arena_bytes

    def save(self, folder: Path | str) -> Path:
        """Write the artifact to `folder` and ``<folder>.tar``; all of it or nothing.

        Raises
        ------
        UserError
            When it cannot be written.
        """
        self.folder = write_files(self.contents, Path(folder))
        return self.folder

    @classmethod
    def load(cls, folder: Path | str) -> Artifact:
        """Read an artifact from a folder or a .tar.

        Raises
        ------
        UserError
            When it is not one.
        """
        path = Path(folder)
        return cls(read_files(path), path if path.is_dir() else None)

    def check_made_from(self, model: bytes, name: str) -> None:
        """Raise UserError unless this artifact was compiled from the file of which these are the contents.

        Parameters
        ----------
        model : bytes
            The .tflite file.
        name : str
            Its name in the message.
        """
        if hashlib.sha256(model).hexdigest() != self.metadata.model_sha256:
            raise UserError(
                f"{self.folder or self.name} was compiled from another model than {name}; "
                "give the file that it was compiled from, or compile it again"
            )

    def run(
        self,
        inputs: Sequence[InputSet],
        board: str = "host",
        as_board: str | None = None,
        profile: bool = True,
        **options: Any,
    ) -> RunResult:
        """Build firmware for `board` and run one inference per set of inputs.

        Parameters
        ----------
        inputs : sequence of sequences of ndarray
            Input sets; each holds one array an input, of the artifact's dtype and shape.
        board : str
            ``host``, ``qemu_m7`` or ``qemu_m4``.
        as_board : str, optional
            Board whose SRAM and flash sizes the emulated one gets.
        profile : bool
            Whether to count the instructions of each operator.
        **options
            Passed to :func:`microtvm_project.run.run`.
        """
        try:
            scratch_folder = tempfile.TemporaryDirectory(prefix="tvm-patch-")
        except OSError as error:
            raise UserError(
                f"no temporary folder can be made ({error.strerror}); set TMPDIR to a folder that is writable"
            ) from error
        with scratch_folder as scratch:
            folder = write_files(self.contents, Path(scratch) / self.name)
            try:
                return run_on_board(
                    folder, board, [list(s) for s in inputs], as_board=as_board, profile=profile, **options
                )
            except PatchError as error:
                name_folder(error, folder, self.folder or Path(self.name))
                raise
