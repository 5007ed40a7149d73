"""Peers' code: where a user has put it, and how it becomes a program."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.silicon import cmsis_nn, tinyengine
from benchmarks.silicon.layers import Network
from benchmarks.silicon.rebuild import Sources
from tvm_patch.errors import UserError


@dataclass(frozen=True)
class Peer:
    """An engine at one commit, compiled as its makers measured it.

    Attributes
    ----------
    name : str
        For tables.
    folder : str
        Under the folder of peers.
    commit : str
        That is to be checked out there.
    flags : tuple of str
    exact : bool
        Whether its results are LiteRT's, but for how often they are rounded.
    """

    name: str
    folder: str
    commit: str
    flags: tuple[str, ...]
    exact: bool = True

    def sources(self, folder: Path, network: str, layers: Network) -> Sources:
        """Return the program for a network.

        Raises
        ------
        UserError
            When something is not in the folder.
        """
        root = _there(folder / self.folder)
        if self.folder.startswith("CMSIS-NN"):
            core = [folder / "CMSIS_5/CMSIS/Core/Include"]
            return Sources(_kernels(root), [root / "Include", *core], cmsis_nn.source(layers), self.flags)
        generated, cmsis = _there(folder / f"{self.folder}-{network}"), _there(folder / "CMSIS_5")
        return Sources(
            tinyengine.kernels(root, generated),
            tinyengine.includes(root, generated, cmsis),
            tinyengine.source(layers.sizes[layers.input], layers.sizes[layers.output]),
            self.flags,
        )


PEERS = {
    "cmsis-nn-2026": Peer("CMSIS-NN 6d9d61d, -O2", "CMSIS-NN-6d9d61d8", "6d9d61d8", ("-O2",)),
    "cmsis-nn-2022": Peer("CMSIS-NN 011bf32, -Ofast", "CMSIS-NN-011bf322", "011bf322", ("-Ofast",)),
    "tinyengine-2022": Peer(
        "TinyEngine 0363956, -Ofast",
        "tinyengine-03639563",
        "03639563",
        ("-Ofast", "-DARM_MATH_CM7"),
        exact=False,
    ),
}


def _there(path: Path) -> Path:
    if not path.is_dir():
        raise UserError(f"{path}: no such folder; docs/cycles.md says what it has to hold")
    return path


def _kernels(root: Path) -> list[Path]:
    """Return CMSIS-NN's files for int8, and what they call."""
    found = {*(root / "Source").rglob("*s8*.c"), *(root / "Source/NNSupportFunctions").glob("*.c")}
    return sorted(f for f in found if not any(kind in f.name for kind in ("f16", "f32", "flt")))
