"""From an artifact to firmware: compile it together with a template, link, and weigh the result."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from microtvm_project.artifact import CompiledModel, load_artifact
from microtvm_project.boards import Board, check_stand_in, get_board
from microtvm_project.config import write_config
from microtvm_project.elf import Symbol, read_elf
from microtvm_project.linker import STACK_PAINT, TEMPLATES, harness_origin, linker_script, overflows
from microtvm_project.toolchain import Toolchain
from microtvm_project.tools import Crew, last_lines, run_limited
from tvm_patch.errors import BoardError, DoesNotFitError, ToolMissingError, UserError

ELF_NAME = "firmware.elf"

_WHOLE = "model_whole.o"

HARNESS_BODY_BYTES = 4096
"""Of a message, where memory costs nothing."""

STACK_BYTES = 4096
"""Reserved for the model's stack unless told otherwise."""

STACK_RANGE = (256, 1 << 24)
"""Least and most bytes that can be reserved: less holds no call, more no board has."""

COMPILE_TIMEOUT = 900.0
"""Seconds; only a compiler that hangs takes so long."""

_WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")
_SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g")

# The harness must not pull library functions in, which would count as the model's.
_HARNESS_ARM = ("-O2", "-ffreestanding", "-fno-tree-loop-distribute-patterns")

FLASH_SECTIONS = (".model_text", ".model_rodata", ".library", ".data")
"""Sections that hold code and constants of the model and the libraries it uses."""


class FirmwareOverflowError(DoesNotFitError):
    """Firmware is larger than the board's memory.

    Attributes
    ----------
    board : str
        The board whose sizes were used.
    overflow : dict of str to int
        By region (``"SRAM"``, ``"FLASH"``), how many bytes too many.
    """

    def __init__(self, board: Board, overflow: Mapping[str, int]) -> None:
        self.board = board.name
        self.overflow = dict(overflow)
        parts = [
            f"{over:,} bytes more {region} than the {board.memory(region).length:,} it has"
            for region, over in self.overflow.items()
        ]
        super().__init__(
            f"{board.name}: the firmware needs {' and '.join(parts)}; "
            "choose a larger board (tvm-patch boards) or a smaller network"
        )


@dataclass(frozen=True)
class Firmware:
    """A linked program.

    Attributes
    ----------
    artifact : CompiledModel
        What it was made from.
    board : Board
        What it runs on.
    sizes_of : Board
        The board whose memory sizes it was linked for.
    elf : Path
        The program, without profile hooks.
    profile_elf : Path or None
        The same with hooks, linked without limits; None if not asked for.
    sections : dict of str to int
        Bytes by output section; empty on the host.
    symbols : tuple of Symbol
        Functions and data of ``elf``; empty on the host.
    static_bytes : int or None
        .data and .bss of the model and the libraries it uses, without arena, stack and harness.
    flash_bytes : int or None
        Code and constants of the model and the libraries it uses, and the initial values of .data.
    model_flash_bytes : int or None
        The artifact's own code and constants.
    elf_flash_bytes : int or None
        ``flash_bytes`` and the harness (startup, transport, model loop).
    stack_reserve : int
        Bytes reserved for the stack.
    """

    artifact: CompiledModel
    board: Board
    sizes_of: Board
    elf: Path
    profile_elf: Path | None
    sections: dict[str, int] = field(default_factory=dict)
    symbols: tuple[Symbol, ...] = ()
    static_bytes: int | None = None
    flash_bytes: int | None = None
    model_flash_bytes: int | None = None
    elf_flash_bytes: int | None = None
    stack_reserve: int = STACK_BYTES


def build_firmware(
    artifact_dir: str | Path,
    board: str | Board,
    out_dir: str | Path,
    *,
    as_board: str | Board | None = None,
    profile: bool = False,
    hooks: bool = False,
    body_bytes: int = HARNESS_BODY_BYTES,
    optimize: str = "-O3",
    defines: Mapping[str, str] | None = None,
    extra_flags: Sequence[str] = (),
    compiler: str | None = None,
    sanitize: bool = False,
    stack_bytes: int = STACK_BYTES,
    templates: Path = TEMPLATES,
) -> Firmware:
    """Compile an artifact with the board's template and link it.

    Parameters
    ----------
    artifact_dir : path
        The artifact's folder.
    board : str or Board
        ``host``, ``qemu_m7`` or ``qemu_m4``.
    out_dir : path
        Gets objects, linker script and programs; made if it does not exist.
    as_board : str or Board, optional
        The board whose memory sizes and core flags a QEMU board takes.
    profile : bool
        Also link a program that counts instructions per operator.
    hooks : bool
        Have the program itself count them when a session asks for it; its operators cost a little more.
    body_bytes : int
        Most bytes of a message's body.
    optimize : str
        gcc's level for the artifact.
    defines : mapping, optional
        Macros for the artifact.
    extra_flags : sequence of str
        Further flags for the artifact, and for linking.
    compiler : str, optional
        Compiles the artifact instead of ``gcc`` or ``arm-none-eabi-gcc``, which still link for emulated boards;
        clang is told the target.
    sanitize : bool
        On the host: address and undefined-behaviour sanitizers, every finding fatal.
    stack_bytes : int
        Reserved for the model's stack on a QEMU board.
    templates : path
        Where the firmware's sources are: ``firmware/`` and a folder named as the runner.

    Raises
    ------
    FirmwareOverflowError
        It does not fit the board; says by how many bytes and where.
    ToolMissingError
        The compiler is not installed.
    UserError
        No such board or artifact, or a board that cannot be run from here.
    BoardError
        The compiler or linker refused.
    """
    if not STACK_RANGE[0] <= stack_bytes <= STACK_RANGE[1]:
        raise UserError(f"stack_bytes {stack_bytes} is not between {STACK_RANGE[0]} and {STACK_RANGE[1]}")
    board = get_board(board) if isinstance(board, str) else board
    stands_for = get_board(as_board) if isinstance(as_board, str) else as_board
    check_stand_in(board, stands_for)
    builder = _Builder(
        artifact=load_artifact(artifact_dir),
        board=board,
        sizes_of=stands_for or board,
        out=Path(out_dir).resolve(),
        tools=Toolchain.of(board, compiler),
        stack_bytes=(stack_bytes + 7) & ~7,
        model_flags=(
            optimize,
            *(f"-D{k}={v}" for k, v in (defines or {}).items()),
            *(_SANITIZE if sanitize else ()),
            *extra_flags,
        ),
        link_flags=(*(_SANITIZE if sanitize else ()), *extra_flags),
        hooks=hooks,
        body_bytes=body_bytes,
        templates=templates,
    )
    return builder.build(profile and board.runner == "qemu")


@dataclass(frozen=True)
class _Builder:
    artifact: CompiledModel
    board: Board
    sizes_of: Board
    out: Path
    tools: Toolchain
    stack_bytes: int
    model_flags: tuple[str, ...]
    link_flags: tuple[str, ...]
    hooks: bool
    body_bytes: int
    templates: Path
    crew: Crew = field(default_factory=Crew)

    @property
    def core(self) -> tuple[str, ...]:
        return self.sizes_of.core_flags

    def build(self, profile: bool) -> Firmware:
        self.out.mkdir(parents=True, exist_ok=True)
        variants = [self.hooks, True] if profile and not self.hooks else [self.hooks]
        jobs = [job for variant in variants for job in self._compilations(variant)]
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            try:
                list(pool.map(self._call, jobs))
                if self._fused:
                    list(pool.map(self._fuse, variants))
                elfs = list(pool.map(self._link, variants))
            except BaseException:
                # Interrupted, or one has failed: nobody wants the others' work any more.
                self.crew.dismiss()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        firmware = Firmware(
            self.artifact,
            self.board,
            self.sizes_of,
            elfs[0],
            elfs[-1] if profile else None,
            stack_reserve=self.stack_bytes,
        )
        return _weigh(firmware)

    def _objects(self, profile: bool) -> dict[Path, Path]:
        """Map objects to sources; by the names the linker script tells the model from the harness."""
        folder = self.out / ("profile" if profile else "plain")
        folder.mkdir(exist_ok=True)
        write_config(folder, self.artifact, profile, self.body_bytes)
        harness = [
            *sorted((self.templates / "firmware").glob("*.c")),
            *sorted((self.templates / self.board.runner).glob("*.c")),
        ]
        objects = {folder / f"model_{i}_{s.stem}.o": s for i, s in enumerate(self.artifact.sources)}
        return objects | {folder / f"harness_{s.stem}.o": s for s in harness}

    def _compilations(self, profile: bool) -> list[list[str]]:
        includes = [f"-I{d}" for d in self.artifact.include_dirs]
        common = ["-std=c11", *_WARNINGS, *self.core, *includes, "-ffunction-sections", "-fdata-sections"]
        model = [self.tools.model, *self.tools.target]
        hooks = ["-DTVM_PATCH_PROFILE"] if profile else []
        objects = self._objects(profile)
        harness = [f"-I{self.templates / 'firmware'}", f"-I{next(iter(objects)).parent}"]
        if self.board.runner == "qemu":
            harness += [
                *_HARNESS_ARM,
                f"-DQEMU_FLASH_ORIGIN={self.board.memory('FLASH').origin}u",
                f"-DQEMU_HARNESS_ORIGIN={harness_origin(self.board)}u",
                f"-DQEMU_STACK_PAINT={STACK_PAINT}u",
            ]
        else:
            harness += self.link_flags
        commands = []
        for target, source in objects.items():
            if target.name.startswith("model_"):
                command = [*model, *common, *self.model_flags, *hooks]
            else:
                command = [self.tools.linker, *common, *harness]
            commands.append([*command, "-c", str(source), "-o", str(target)])
        return commands

    @property
    def _fused(self) -> bool:
        return "-flto" in self.model_flags and self.board.runner == "qemu"

    def _fuse(self, profile: bool) -> None:
        objects = list(self._objects(profile))
        model = [o for o in objects if o.name.startswith("model_")]
        whole = objects[0].parent / _WHOLE
        self._call(self.tools.fuse(self.core, self.model_flags, model, whole))

    def _linked(self, profile: bool) -> list[str]:
        """Return the objects to link."""
        objects = list(self._objects(profile))
        if self._fused:
            harness = [o for o in objects if not o.name.startswith("model_")]
            objects = [objects[0].parent / _WHOLE, *harness]
        return [str(o) for o in objects]

    def _link(self, profile: bool) -> Path:
        elf = self.out / ("firmware_profile.elf" if profile and not self.hooks else ELF_NAME)
        flags = [f for f in self.link_flags if f != "-flto"] if self._fused else self.link_flags
        objects = self._linked(profile)
        command = [self.tools.linker, *self.core, *flags, *objects, "-Wl,--gc-sections", "-o", str(elf)]
        if self.board.runner == "qemu":
            script = elf.with_suffix(".ld")
            # Hooks make the program larger; the profile is about time, so it gets all there is.
            sizes_of = self.board if profile and not self.hooks else self.sizes_of
            text = linker_script(
                self.board, sizes_of, self.artifact, self.stack_bytes, self.templates / "qemu"
            )
            script.write_text(text, encoding="utf-8")
            command += ["-nostartfiles", f"-Wl,-T,{script}", "-Wl,--no-warn-rwx-segments", "-lm"]
        self._call(command)
        return elf

    def _call(self, command: Sequence[str]) -> None:
        with tempfile.TemporaryDirectory(dir=self.out, prefix="call-") as folder:
            done = run_limited(command, Path(folder), COMPILE_TIMEOUT, {"LC_ALL": "C"}, self.crew)
        if done.status == 0:
            return
        over = overflows(done.output)
        if over and set(over) <= {"SRAM", "FLASH"}:
            raise FirmwareOverflowError(self.sizes_of, over)
        if "string.h: No such file" in done.output or "cannot find -lc" in done.output:
            raise ToolMissingError(
                f"{command[0]} has no C library; on Debian: apt install libnewlib-arm-none-eabi"
            )
        what = "took too long" if done.timed_out else f"failed with status {done.status}"
        raise BoardError(f"{Path(command[0]).name} {what}:\n{_errors(done.output)}")


def _errors(text: str) -> str:
    """Pick a compiler's first errors; the rest usually follows from them."""
    telling = ("error", "undefined reference", "cannot find")
    lines = [line for line in text.splitlines() if any(words in line for words in telling)]
    return "\n".join(lines[:8]) or last_lines(text)


def firmware_in(
    folder: Path, artifact: CompiledModel, board: Board, sizes_of: Board | None, stack_bytes: int
) -> Firmware | None:
    """Return what :func:`build_firmware` has left in a folder; None if nothing."""
    elf = folder / ELF_NAME
    if not elf.exists():
        return None
    return _weigh(Firmware(artifact, board, sizes_of or board, elf, None, stack_reserve=stack_bytes))


def _weigh(firmware: Firmware) -> Firmware:
    if firmware.board.runner == "host":
        return firmware
    elf = read_elf(firmware.elf)
    size = elf.sections.get
    flash = sum(size(name, 0) for name in FLASH_SECTIONS)
    return replace(
        firmware,
        sections=elf.sections,
        symbols=elf.symbols,
        static_bytes=size(".data", 0) + size(".bss", 0),
        flash_bytes=flash,
        model_flash_bytes=size(".model_text", 0) + size(".model_rodata", 0),
        elf_flash_bytes=flash + size(".boot", 0) + size(".harness_data", 0),
    )
