"""Runs the cases on the emulated Cortex-M4, many of them in one program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.fit_estimate.cases import Case, CaseBuilder
from tvm_patch import driver
from tvm_patch.driver.front import legalize
from tvm_patch.errors import PlanError
from tvm_patch.input_mode import InputMode
from tvm_patch.planner.layout.rows_builder import layout_rows
from tvm_patch.planner.network import Network
from tvm_patch.planner.segments import Segment
from tvm_patch.tflite.writer import write_model

BOARD = "qemu_m4"
_TOGETHER = 24
"""Operators of one program."""


@dataclass(frozen=True)
class Measurement:
    """Instructions of one operator.

    Attributes
    ----------
    case : Case
    bands : int
        Bands that it ran in.
    instructions : int
    """

    case: Case
    bands: int
    instructions: int

    def to_json(self) -> list[Any]:
        """Return plain values."""
        return [self.case.kind, self.case.numbers, self.bands, self.instructions]

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


def describe(cases: Sequence[Case]) -> Described:
    """Build a model of independent cases."""
    builder = CaseBuilder("cases")
    for case in cases:
        builder.add_case(case)
    model = write_model(builder.finish())
    _, network = legalize(model, "cases").describe()
    segments = []
    for case, output in zip(cases, network.outputs, strict=True):
        operators: list[int] = []
        producer = network.producer(output)
        while producer is not None and (not operators or case.kind == "reduction"):
            operators.insert(0, producer.index)
            producer = network.producer(producer.inputs[0])
        segments.append(Segment(tuple(operators)))
    return Described(model, network, tuple(segments))


def measure(cases: Sequence[Case]) -> Iterator[Measurement]:
    """Yield a measurement for every case and number of bands that can run."""
    for bands in sorted({b for case in cases for b in case.bands}):
        wanted = [case for case in cases if bands in case.bands]
        for start in range(0, len(wanted), _TOGETHER):
            yield from _run(wanted[start : start + _TOGETHER], bands)


def _run(cases: Sequence[Case], bands: int) -> Iterator[Measurement]:
    described = describe(cases)
    if bands > 1:
        legal = [_legal(described.network, s.operators, bands) for s in described.segments]
        cases = [case for case, ok in zip(cases, legal, strict=True) if ok]
        if not cases:
            return
        described = describe(cases)
    plan = tuple(Segment(s.operators, bands) for s in described.segments)
    artifact = driver.compile(described.model, board=BOARD, segments=lambda _: plan)
    result = artifact.run(driver.random_inputs(artifact, 1, 0), board=BOARD)
    assert result.operator_instructions is not None
    for case, segment in zip(cases, plan, strict=True):
        yield Measurement(case, bands, result.operator_instructions[segment.operators[-1]])


def _legal(network: Network, operators: Sequence[int], bands: int) -> bool:
    if len(operators) == 1 and not network.operators[operators[0]].rows:
        return False
    try:
        layout_rows(network, operators, bands)
    except PlanError:
        return False
    return True


def measure_fetching() -> list[tuple[int, int, int]]:
    """Return (rows, bytes of a row, instructions more than with the input in the arena) of some inputs."""
    found = []
    for h, w, c in ((8, 16, 3), (8, 64, 3), (32, 16, 3), (32, 64, 4), (16, 20, 16)):
        model = describe([Case("unary", {"op": "hard_swish", "h": h, "w": w, "c": c})]).model
        counts = []
        modes: tuple[InputMode, ...] = ("resident", "rereadable")
        for mode in modes:
            artifact = driver.compile(model, board=BOARD, input_mode=mode)
            result = artifact.run(driver.random_inputs(artifact, 1, 0), board=BOARD, profile=False)
            assert result.instructions is not None
            counts.append(result.instructions)
        found.append((h, w * c, counts[1] - counts[0]))
    return found
