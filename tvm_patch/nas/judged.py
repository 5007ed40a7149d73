"""What a search has found out so far, as a file: a search that goes on asks nothing twice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tvm_patch.errors import UserError
from tvm_patch.files import write_text
from tvm_patch.nas.space import Subnet

_FORMAT, _VERSION = "tvm-patch accuracies", 1


class Accuracies:
    """Accuracies of subnets, kept in a file.

    Parameters
    ----------
    path : Path, optional
        Read where it exists, replaced by :meth:`save`.
    settings : mapping
        What they depend on; JSON.

    Raises
    ------
    UserError
        When the file is of other settings, of another version, or broken.
    """

    def __init__(self, path: Path | None, settings: Mapping[str, object]) -> None:
        self.path = path
        self._settings = json.loads(json.dumps(settings))
        self._known: dict[str, float] = {}
        if path is not None and path.exists():
            self._known = self._read(path)

    def __len__(self) -> int:
        return len(self._known)

    def get(self, subnet: Subnet) -> float | None:
        """Return the accuracy of a subnet, None where it is not known."""
        return self._known.get(_key(subnet))

    def __getitem__(self, subnet: Subnet) -> float:
        return self._known[_key(subnet)]

    def put(self, subnet: Subnet, accuracy: float) -> None:
        """Keep the accuracy of a subnet."""
        self._known[_key(subnet)] = accuracy

    def save(self) -> None:
        """Write the file, if there is one."""
        if self.path is not None:
            document = {
                "format": _FORMAT,
                "version": _VERSION,
                "settings": self._settings,
                "accuracies": self._known,
            }
            write_text(self.path, json.dumps(document) + "\n")

    def _read(self, path: Path) -> dict[str, float]:
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            if (document["format"], document["version"]) != (_FORMAT, _VERSION):
                raise UserError(f"{path} is of another version; delete it to judge anew")
            same = document["settings"] == self._settings
            found = {str(key): float(value) for key, value in document["accuracies"].items()}
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{path} holds no accuracies; delete it to judge anew") from error
        if not same:
            raise UserError(f"{path} is of another search; give another folder, or delete it to judge anew")
        return found


def _key(subnet: Subnet) -> str:
    """Return a subnet in few characters."""
    blocks = (";".join(f"{b.kernel},{b.expand:g},{b.width:g}" for b in stage) for stage in subnet.stages)
    return f"{subnet.resolution}:{'|'.join(blocks)}"
