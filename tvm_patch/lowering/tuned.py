"""Configs that were measured: what a tuning database says of a kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tvm_patch.kernels import Kernel
from tvm_patch.kernels.base import Preference
from tvm_patch.lowering.workload import workload_text

Measured = Mapping[str, Sequence[tuple[float, Mapping[str, int]]]]
"""By workload, (cost, config) from the least cost on."""


@dataclass(frozen=True)
class TunedConfigs:
    """Chooses configs for kernels.

    Attributes
    ----------
    measured : mapping
        What was measured; empty for none.
    preference : {"size", "balanced", "speed"}
        ``size`` and ``balanced`` keep to one unrolling for all layers, so that they share their code.
    core : str
        The core on which it was measured.
    """

    measured: Measured = field(default_factory=dict)
    preference: Preference = "balanced"
    core: str = ""

    def measured_of(self, kernel: Kernel) -> Sequence[tuple[float, Mapping[str, int]]]:
        """Return (cost, config) of what was measured of a kernel's workload, from the least cost on."""
        return self.measured.get(workload_text(kernel, self.core), ()) if self.measured else ()

    def within(self, kernel: Kernel, scratch: int, *, alone: bool = False) -> Kernel:
        """Return the fastest variant of a kernel with at most `scratch` bytes of it.

        What was measured decides; without it, the kernel's own rules do (:meth:`Kernel.within`, and
        :meth:`Kernel.by_itself` where its segment has no other operator).
        """
        usual = kernel.preferring(self.preference)
        for _, config in self.measured_of(kernel):
            chosen = type(kernel)(kernel.op, {**kernel.config, **_typed(config, kernel)})
            if self.preference != "speed" and chosen.config.get("unroll") != usual.config.get("unroll"):
                continue
            if chosen.scratch_bytes <= max(kernel.room(scratch), kernel.scratch_bytes):
                return chosen
        wide = usual.within(scratch)
        return wide.by_itself(scratch) if alone else wide


def _typed(config: Mapping[str, int], kernel: Kernel) -> dict[str, int | bool]:
    """Return a config with truth values where the kernel has them."""
    return {k: bool(v) if isinstance(kernel.config.get(k), bool) else v for k, v in config.items()}
