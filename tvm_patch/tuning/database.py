"""Tuning databases: MetaSchedule's two JSON files in a folder, read with care."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tvm
import tvm_ffi
from tvm.s_tir import meta_schedule as ms

from tvm_patch.errors import UserError
from tvm_patch.files import write_text
from tvm_patch.lowering.tuned import Measured
from tvm_patch.lowering.workload import ATTRIBUTE, CYCLES_OF, PREFIX, workload_module

WORKLOADS = "database_workload.json"
RECORDS = "database_tuning_record.json"
FAILED = 1e10
"""Cost of what could not be used, as MetaSchedule has it."""
SECONDS = 1e-6
"""Of an instruction: records are in seconds, of a core that executes one in a microsecond."""

_TARGET = {"kind": "c", "keys": ["cpu"], "tag": ""}
"""Of every record, as TVM writes it."""
_LENGTH_BYTES = 8
"""Before a module's JSON."""

Key = tuple[str, str]
"""A workload and a config, both as JSON."""


def key_of(text: str, config: Mapping[str, int]) -> Key:
    """Return what identifies a measurement."""
    return text, json.dumps({k: int(v) for k, v in config.items()}, sort_keys=True)


def open_database(folder: Path, *, create: bool = False) -> ms.database.JSONDatabase:
    """Open a database, to add to it.

    Parameters
    ----------
    folder : Path
        Where the two files are.
    create : bool
        Whether to make it where there is none; a last line that an interruption cut off is then dropped.

    Raises
    ------
    UserError
        When there is none, or a file is damaged or not one of ours.
    """
    if create:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot make the folder {folder}: {error.strerror}; choose another") from error
    # TVM reads the lines in threads of its own, where an error may end the program: they are looked at first.
    measured_in(folder, create=create)
    for number, entry in enumerate(_lines(folder / WORKLOADS, _is_workload, create=create), 1):
        module = workload_module(_text(entry))
        same = json.loads(tvm.ir.save_json(module)) == _module(entry)
        if not same or entry[0] != str(tvm_ffi.structural_hash(module)):
            raise UserError(
                f"{folder / WORKLOADS}, line {number}: not what this version of tvm-patch and TVM writes; "
                "give another --database, or delete it"
            )
    try:
        return ms.database.JSONDatabase(str(folder / WORKLOADS), str(folder / RECORDS))
    except (RuntimeError, ValueError, TypeError, LookupError, AttributeError) as error:
        reason = str(error).strip().splitlines()[-1:] or ["it cannot be read"]
        raise UserError(
            f"{folder} is no tuning database of this version ({reason[0]}); give another --database, or delete it"
        ) from error


def measured_in(folder: Path, *, create: bool = False) -> dict[Key, float]:
    """Return the cost of everything that was measured, in instructions; infinity for what failed.

    Parameters and errors as of :func:`open_database`; of two records of one config the later one holds.
    """
    texts = [_text(e) for e in _lines(folder / WORKLOADS, _is_workload, create=create)]
    out: dict[Key, float] = {}
    for number, entry in enumerate(_lines(folder / RECORDS, _is_record, create=create), 1):
        workload, (trace, (seconds,), _, _) = entry
        if workload >= len(texts):
            raise UserError(
                f"{folder / RECORDS}, line {number}: {WORKLOADS} has no workload {workload}; delete the line"
            )
        cost = float("inf") if seconds >= FAILED else round(seconds / SECONDS)
        out[key_of(texts[workload], _config(*trace))] = cost
    return out


def load_measured(folder: Path, cycles_of: Sequence[str] = ()) -> Measured:
    """Return a database as :class:`tvm_patch.lowering.tuned.TunedConfigs` wants it.

    Parameters
    ----------
    folder : Path
        The database.
    cycles_of : sequence of str
        Whose cycles come before instructions, in this order: the board's, which were measured, and the core's,
        which were estimated.

    Raises
    ------
    UserError
        As of :func:`open_database`.
    """
    by_workload: dict[str, list[tuple[float, dict[str, int]]]] = {}
    for (text, config), cost in measured_in(folder).items():
        if cost != float("inf"):
            by_workload.setdefault(text, []).append((cost, json.loads(config)))
    ranks: dict[str, int] = {}
    for text in [t for t in by_workload if CYCLES_OF in json.loads(t)]:
        plain = json.loads(text)
        entries = by_workload.pop(text)
        whose = plain.pop(CYCLES_OF)
        if whose in cycles_of:
            rank, key = cycles_of.index(whose), json.dumps(plain, sort_keys=True)
            if rank < ranks.get(key, len(cycles_of)):
                ranks[key], by_workload[key] = rank, entries
    # Equal costs in a fixed order, so that compiling is deterministic.
    return {t: sorted(v, key=lambda e: (e[0], sorted(e[1].items()))) for t, v in by_workload.items()}


def _lines(path: Path, is_ours: Callable[[object], bool], *, create: bool) -> list[Any]:
    """Return what a file's lines hold; drop a damaged last one where the database is to be gone on with."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        if create:
            return []
        raise UserError(f"{path.parent} holds no {path.name}; make a database with tvm-patch tune") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path}: {error}") from error
    out = []
    for number, line in enumerate(lines, 1):
        try:
            out.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            if not (create and number == len(lines)):
                raise UserError(f"{path}, line {number}: not JSON ({error}); delete the line") from error
            write_text(path, "".join(f"{kept}\n" for kept in lines[:-1]))
            break
        if not is_ours(out[-1]):
            raise UserError(
                f"{path}, line {number}: holds what tvm-patch did not write; give another --database, or delete it"
            )
    return out


def _is_workload(entry: object) -> bool:
    """Tell whether a line is ``[hash, module]``, the module one of ours."""
    match entry:
        case [str() as number, str()] if number.isdecimal():
            try:
                _text(entry)
            except (ValueError, TypeError, LookupError, RecursionError):
                return False
            return True
    return False


def _text(entry: Any) -> str:
    """Return the text in a workload's module, which is TVM's JSON behind its length, in base64."""
    nodes = _module(entry)["nodes"]
    strings = [n["data"] for n in nodes if n["type"] == "ffi.String"]
    text = str(strings[strings.index(ATTRIBUTE) + 1])
    if not isinstance(json.loads(text), dict):
        raise ValueError(text)
    return text


def _module(entry: Any) -> Any:
    return json.loads(base64.b64decode(entry[1], validate=True)[_LENGTH_BYTES:])


def _is_record(entry: object) -> bool:
    """Tell whether a line is ``[workload, [[instructions, decisions], [seconds], target, arguments]]`` of ours."""
    match entry:
        case [int() as workload, [[list() as trace, list() as drawn], [int() | float() as cost], target, []]]:
            if workload < 0 or cost < 0 or target != _TARGET or not all(map(_is_instruction, trace)):
                return False
            try:
                return bool(_config(trace, drawn))
            except (ValueError, TypeError, LookupError):
                return False
    return False


def _is_instruction(entry: object) -> bool:
    match entry:
        case ["GetSBlock", [], [str(), str()], [str()]]:
            return True
        case ["SampleCategorical", [], [list() as values, list() as shares], [str()]]:
            return len(values) == len(shares) > 0 and all(type(v) is int for v in values)
        case ["Annotate", [str(), str()], [str()], []]:
            return True
    return False


def _config(trace: Sequence[Any], drawn: Sequence[Any]) -> dict[str, int]:
    """Return the config that a trace of :func:`tvm_patch.lowering.workload.schedule_of` chooses."""
    decisions = {int(at): int(which) for at, which in drawn}
    values = {i[3][0]: i[2][0][decisions[at]] for at, i in enumerate(trace) if i[0] == "SampleCategorical"}
    return {i[2][0].removeprefix(PREFIX): values[i[1][1]] for i in trace if i[0] == "Annotate"}
