"""What firmware takes of a board's memories, and whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from microtvm_project.artifact import load_artifact
from microtvm_project.boards import Board, get_board
from microtvm_project.build import Firmware
from microtvm_project.elf import read_elf
from microtvm_project.project.base import BUILD_FOLDER, MODEL_FOLDER, ProjectFile, read_project
from microtvm_project.project.link_map import read_map
from tvm_patch.errors import UserError

OWNERS = ("model", "input", "runtime", "system")
"""The model's code, constants and arena; an input in flash; the loop around it; operating system and libraries."""

_NAMES = {"RAM": "SRAM"}
_HIDDEN = ("IDT_LIST",)


@dataclass(frozen=True)
class MemoryUse:
    """One memory of a board.

    Attributes
    ----------
    name : str
        As in the board table, or the linker script's.
    length : int
        Bytes that there are.
    by_owner : dict of str to int
        Bytes used; keys from ``OWNERS``.
    """

    name: str
    length: int
    by_owner: dict[str, int]

    @property
    def used(self) -> int:
        """All bytes used."""
        return sum(self.by_owner.values())


def project_sizes(project: Path) -> list[MemoryUse]:
    """Weigh what a project was built to; empty where the parts are not told apart (host, c).

    Raises
    ------
    UserError
        It is no project, or is not built.
    """
    file = read_project(project)
    if file.template == "zephyr":
        return _zephyr(project, file)
    if file.template == "qemu":
        return _qemu(project, file)
    return []


def _zephyr(project: Path, file: ProjectFile) -> list[MemoryUse]:
    folder = project / BUILD_FOLDER / "zephyr"
    if not (folder / "zephyr.elf").exists():
        raise UserError(f"{project} is not built yet; tvm-patch project build {project}")
    library = f"libtvm_patch_{file.model_name}.a"
    board = get_board(str(file.options["board"]))

    def owner_of(source: str, section: str) -> str:
        if library in source or ("board_memory.c" in source and "noinit" in section):
            return "model"
        if "standalone_inputs.c" in source:
            return "input"
        return "runtime" if "app/libapp.a" in source else "system"

    found = read_map(folder / "zephyr.map", read_elf(folder / "zephyr.elf").sections, owner_of)
    uses = []
    for region, memory in found.regions.items():
        owned = {o: found.used.get((region, o), 0) for o in OWNERS}
        owned["system"] += found.used.get((region, ""), 0)
        use = MemoryUse(_NAMES.get(region, region), memory.length, owned)
        # Zephyr's linker script has regions that no board has.
        if use.used and region not in _HIDDEN:
            uses.append(use)
    return sorted(uses, key=lambda u: _order(board, u.name))


def _order(board: Board, name: str) -> int:
    names = [m.name for m in board.memories]
    return names.index(name) if name in names else len(names)


def _qemu(project: Path, file: ProjectFile) -> list[MemoryUse]:
    from microtvm_project.project.local import QemuHandler

    handler = QemuHandler(project)
    firmware: Firmware = handler.firmware(handler.settings({}, "build"))
    artifact = load_artifact(project / MODEL_FOLDER)
    assert firmware.flash_bytes is not None
    assert firmware.model_flash_bytes is not None
    static = firmware.static_bytes or 0
    # The loop around it lies in memory that stands for no board's.
    sram = {"model": artifact.metadata.arena_bytes + static + firmware.stack_reserve}
    flash = {"model": firmware.model_flash_bytes, "system": firmware.flash_bytes - firmware.model_flash_bytes}
    return [
        MemoryUse("SRAM", firmware.sizes_of.memory("SRAM").length, sram),
        MemoryUse("FLASH", firmware.sizes_of.memory("FLASH").length, flash),
    ]
