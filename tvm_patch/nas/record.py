"""What all records of a search have in common: frozen, strict, versioned JSON, written whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict
from typing_extensions import Self

from tvm_patch.errors import UserError
from tvm_patch.files import check_folder, write_text
from tvm_patch.versioned_json import read_versioned


class Part(BaseModel):
    """A part of a record: frozen, and with no fields but its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Record(Part):
    """A record that is a file of its own."""

    kind: ClassVar[str]
    """What messages call it."""

    def to_json(self) -> str:
        """Return the record as JSON."""
        return self.model_dump_json(indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the record that a JSON text describes.

        Raises
        ------
        UserError
            When it is none of this version; names the field.
        """
        return read_versioned(text, cls, cls.kind)

    def save(self, path: Path | str) -> Path:
        """Write the record as JSON, all of it or nothing.

        Raises
        ------
        UserError
            When the file cannot be written.
        """
        return write_text(Path(path), self.to_json())

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read a record.

        Raises
        ------
        UserError
            When the file cannot be read, or is no record of this version; names the field.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise UserError(f"{path} holds no {cls.kind}: not UTF-8 text") from error
        except OSError as error:
            raise UserError(f"cannot read the {cls.kind} {path}: {error.strerror}") from error
        try:
            return cls.from_json(text)
        except UserError as error:
            raise UserError(f"{path}: {error}") from error

    def claim(self, folder: Path, name: str) -> None:
        """Make a folder that of this record, or see that it is: work that is kept there was done as it says.

        Parameters
        ----------
        folder : Path
            Made where it is missing.
        name : str
            Of the file of the record.

        Raises
        ------
        UserError
            When the folder is of another record, which names the first field that differs, or cannot be written.
        """
        path = folder / name
        if path.exists():
            before = type(self).load(path)
            for field in type(self).model_fields:
                if getattr(before, field) != getattr(self, field):
                    raise UserError(
                        f"{folder} is of a {self.kind} with another {field}; give another folder, or delete it"
                    )
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot make the folder {folder}: {error.strerror}; give another") from error
        check_folder(folder)
        if not path.exists():
            self.save(path)
