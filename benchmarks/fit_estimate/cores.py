"""The cores that have a table, and how code runs on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True)
class Core:
    """A core whose cycles are fitted.

    Attributes
    ----------
    name : str
        As its target is called.
    emulator : str
        The board of QEMU that runs its code.
    silicon : str
        The board whose memories and caches its cycles are estimated with.
    """

    name: str
    emulator: str
    silicon: str

    @property
    def target(self) -> Target:
        """Whose kernels run."""
        return get_target(self.name)

    @property
    def table(self) -> Path:
        """The module of its table."""
        return _HERE.parents[1] / "tvm_patch" / "targets" / f"{self.module}.py"

    @property
    def module(self) -> str:
        """The name of that module."""
        return f"{self.name.replace('-', '_')}_cycles"

    def recorded(self, what: str) -> Path:
        """Return the file of what was measured."""
        return _HERE / self.name / f"{what}.json"

    def describe(self, model: Path | bytes, prune: bool = True) -> Network:
        """Return a model as the planner sees it."""
        return legalize(model, "model", target=self.target, prune=prune).describe()[1]

    def cycles(
        self,
        model: Path | bytes,
        segments: Sequence[Segment],
        mode: InputMode = "resident",
        prune: bool = True,
    ) -> int:
        """Return the cycles of one inference, with kernels that have ample scratch.

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
        cycles = self._run(model, segments, mode, prune, profile=False).cycles
        assert cycles is not None
        return cycles.total

    def operator_cycles(self, model: Path | bytes, segments: Sequence[Segment]) -> list[int]:
        """Return the cycles of every operator, where each is a segment in one band; see :meth:`cycles`."""
        cycles = self._run(model, segments, "resident", True, profile=True).operator_cycles
        assert cycles is not None
        return [c.total for c in cycles]

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
        return artifact.run(given, board=self.emulator, as_board=self.silicon, cycles=True, profile=profile)


CORES = {
    core.name: core
    for core in (
        Core("cortex-m7", "qemu_m7", "nucleo_h743zi"),
        Core("cortex-m4", "qemu_m4", "nucleo_l4r5zi"),
    )
}
"""By name."""
