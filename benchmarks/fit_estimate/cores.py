"""The cores that have tables, and how code runs on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from microtvm_project.run import RunResult
from tvm_patch import driver
from tvm_patch.driver.front import legalize
from tvm_patch.driver.tuned import tuned_configs
from tvm_patch.input_mode import InputMode
from tvm_patch.lowering.variants import Variants, ample_scratch
from tvm_patch.planner.choose import Request, plan_of
from tvm_patch.planner.network import Network
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.search.ways import Point
from tvm_patch.planner.segments import Segment
from tvm_patch.targets import Target, get_target

_HERE = Path(__file__).parent
Unit = Literal["cycles", "instructions"]
"""What is counted: cycles by the model of the core, or instructions."""


@dataclass(frozen=True)
class Core:
    """A core whose costs are fitted.

    Attributes
    ----------
    name : str
        As its target is called.
    emulator : str
        The board of QEMU that runs its code.
    silicon : str
        The board whose memories and caches its cycles are estimated with.
    unit : {"cycles", "instructions"}
        What costs are counted in.
    """

    name: str
    emulator: str
    silicon: str
    unit: Unit = "cycles"

    @property
    def target(self) -> Target:
        """Whose kernels run, with costs in the unit."""
        found = get_target(self.name)
        return found if self.unit == "cycles" else found.counting_instructions

    @property
    def table(self) -> Path:
        """The module of its table."""
        return _HERE.parents[1] / "tvm_patch" / "targets" / f"{self.module}.py"

    @property
    def module(self) -> str:
        """The name of that module."""
        return f"{self.name.replace('-', '_')}_{self.unit}"

    def recorded(self, what: str) -> Path:
        """Return the file of what was measured."""
        folder = _HERE / self.name
        return (folder if self.unit == "cycles" else folder / self.unit) / f"{what}.json"

    def describe(self, model: Path | bytes, prune: bool = True) -> Network:
        """Return a model as the planner sees it."""
        return legalize(model, "model", target=self.target, prune=prune).describe()[1]

    def cost(
        self,
        model: Path | bytes,
        segments: Sequence[Segment],
        mode: InputMode = "resident",
        prune: bool = True,
    ) -> int:
        """Return what one inference takes, with kernels that have ample scratch.

        Parameters
        ----------
        model : path or bytes
        segments : sequence of Segment
            In run order.
        mode : {"resident", "rereadable", "streamed"}
            Where the inputs come from.
        prune : bool
            Whether channels that say nothing are left out.

        Raises
        ------
        DoesNotFitError
            When the board's memories are too small.
        """
        ran = self._run(model, segments, mode, prune, profile=False)
        cost = ran.instructions if self.unit == "instructions" else ran.cycles and ran.cycles.total
        assert cost is not None
        return cost

    def operator_costs(self, model: Path | bytes, segments: Sequence[Segment]) -> list[int]:
        """Return what every operator takes, where each is a segment in one band; see :meth:`cost`."""
        ran = self._run(model, segments, "resident", True, profile=True)
        if self.unit == "instructions":
            assert (
                ran.operator_instructions is not None
            )  # by place in the network, not in the order of segments
            return [ran.operator_instructions[segment.operators[0]] for segment in segments]
        assert ran.operator_cycles is not None
        return [c.total for c in ran.operator_cycles]

    def _run(
        self, model: Path | bytes, segments: Sequence[Segment], mode: InputMode, prune: bool, *, profile: bool
    ) -> RunResult:
        kernels, network = legalize(model, "model", target=self.target, prune=prune).describe()
        schedule = Schedule.of(network, segments, mode)
        variants = Variants(kernels, tuned_configs(self.target, None, "balanced"))
        ample = schedule.with_scratch(ample_scratch(variants, schedule))
        plan = plan_of(network, Request(mode), Point(ample, 0), ())
        artifact = driver.compile(model, name="model", board=self.silicon, plan=plan, prune=prune)
        given = driver.random_inputs(artifact, 1, 0)
        timed = self.unit == "cycles"
        return artifact.run(given, board=self.emulator, as_board=self.silicon, cycles=timed, profile=profile)


CORES = {
    core.name: core
    for core in (
        Core("cortex-m7", "qemu_m7", "nucleo_h743zi"),
        Core("cortex-m4", "qemu_m4", "nucleo_l4r5zi"),
    )
}
"""By name."""
