"""Runs the cases on an emulated board, some of them in one program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.fit_estimate.cases import Case, CaseBuilder
from benchmarks.fit_estimate.cores import Core
from benchmarks.fit_estimate.log import Log
from tvm_patch.errors import DoesNotFitError, PlanError
from tvm_patch.planner.layout.rows_builder import layout_rows
from tvm_patch.planner.network import Network
from tvm_patch.planner.segments import Segment
from tvm_patch.tflite.writer import write_model

_TOGETHER = 24
"""Operators of one program."""


@dataclass(frozen=True)
class Measurement:
    """What one operator takes.

    Attributes
    ----------
    case : Case
    bands : int
        Bands that it ran in.
    cost : int
        In the core's unit.
    """

    case: Case
    bands: int
    cost: int

    def to_json(self) -> list[Any]:
        """Return plain values."""
        return [self.case.kind, self.case.numbers, self.bands, self.cost]

    @classmethod
    def from_json(cls, values: Sequence[Any]) -> Measurement:
        """Undo :meth:`to_json`."""
        return cls(Case(values[0], values[1]), values[2], values[3])


@dataclass(frozen=True)
class Described:
    """Cases as the planner sees them.

    Attributes
    ----------
    model : bytes
        A .tflite file.
    network : Network
    segments : tuple of Segment
        One a case: its operator, or the operator and what makes its rows.
    """

    model: bytes
    network: Network
    segments: tuple[Segment, ...]


def describe(cases: Sequence[Case], core: Core) -> Described:
    """Build a model of independent cases."""
    builder = CaseBuilder("cases")
    for case in cases:
        builder.add_case(case)
    model = write_model(builder.finish())
    network = core.describe(model)
    segments = []
    for case, output in zip(cases, network.outputs, strict=True):
        operators: list[int] = []
        producer = network.producer(output)
        while producer is not None and (not operators or case.kind == "reduction"):
            operators.insert(0, producer.index)
            producer = network.producer(producer.inputs[0])
        segments.append(Segment(tuple(operators)))
    return Described(model, network, tuple(segments))


def measure(cases: Sequence[Case], core: Core, log: Log) -> Iterator[Measurement]:
    """Yield a measurement for every case and number of bands that can run.

    Operators that run as they are, in one band, share programs; what is cut or joined has one for itself, since cycles
    are told apart by the order in which operators end.
    """
    for bands in sorted({b for case in cases for b in case.bands}):
        wanted = [case for case in cases if bands in case.bands]
        shared = [case for case in wanted if bands == 1 and case.kind != "reduction"]
        batches = [shared[start : start + _TOGETHER] for start in range(0, len(shared), _TOGETHER)]
        batches += [[case] for case in wanted if case not in shared]
        for count, some in enumerate(batches, 1):
            key = repr((bands, [(c.kind, c.numbers) for c in some]))
            rows = log.get(key, lambda s=some, b=bands: [m.to_json() for m in _run(s, b, core)])
            print(f"{core.name}: {bands} bands, {count} of {len(batches)} programs", flush=True)
            yield from map(Measurement.from_json, rows)


def _run(cases: Sequence[Case], bands: int, core: Core) -> list[Measurement]:
    described = describe(cases, core)
    if bands > 1:
        (segment,) = described.segments
        if not _legal(described.network, segment.operators, bands):
            return []
    plan = tuple(Segment(s.operators, bands) for s in described.segments)
    if len(cases) == 1:
        return [Measurement(cases[0], bands, core.cost(described.model, plan))]
    try:
        costs = core.operator_costs(described.model, plan)
    except DoesNotFitError:
        half = len(cases) // 2
        return _run(cases[:half], bands, core) + _run(cases[half:], bands, core)
    return [Measurement(case, bands, n) for case, n in zip(cases, costs, strict=True)]


def _legal(network: Network, operators: Sequence[int], bands: int) -> bool:
    if len(operators) == 1 and not network.operators[operators[0]].rows:
        return False
    try:
        layout_rows(network, operators, bands)
    except PlanError:
        return False
    return True


def measure_fetching(core: Core) -> list[tuple[int, int, int]]:
    """Return (rows, bytes of a row, cost more than with the input in the arena) of some inputs."""
    found = []
    for h, w, c in ((8, 16, 3), (8, 64, 3), (32, 16, 3), (32, 64, 4), (16, 20, 16)):
        described = describe([Case("unary", {"op": "hard_swish", "h": h, "w": w, "c": c})], core)
        stored, fetched = (
            core.cost(described.model, described.segments, mode) for mode in ("resident", "rereadable")
        )
        found.append((h, w * c, fetched - stored))
    return found
