"""A picture of a plan: memory per operator before and after, and the front it was chosen from."""

from __future__ import annotations

import io
from pathlib import Path

from tvm_patch.driver.plan import Planned
from tvm_patch.planner.explain import PlanMemory
from tvm_patch.report.atomic import write_bytes
from tvm_patch.report.plot import require_matplotlib

_BEFORE, _AFTER, _CHOSEN = "#b2babb", "#2e86c1", "#c0392b"


def plot_plan(name: str, planned: Planned, path: Path) -> Path:
    """Draw memory per operator layer by layer and as planned, the segments marked, and the front.

    Parameters
    ----------
    name : str
        Of the model, for the title.
    planned : Planned
    path : Path
        The ending gives the format: ``.png``, ``.svg`` or ``.pdf``.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    plan, count = planned.choice.plan, len(planned.network.operators)
    figure = Figure(figsize=(max(9.0, 0.16 * count + 5), 4.2), layout="constrained")
    memory, front = figure.subplots(1, 2, width_ratios=(2.2, 1))
    columns = range(count)
    memory.bar(
        columns, _per_operator(planned.layer_memory, count), color=_BEFORE, width=1.0, label="layer by layer"
    )
    memory.bar(
        columns,
        _per_operator(planned.memory, count),
        color=_AFTER,
        width=0.8,
        label=f"planned, {plan.input_mode}",
    )
    for segment in planned.memory.segments[1:]:
        memory.axvline(segment.segment.operators[0] - 0.5, color="black", linewidth=0.4, linestyle=":")
    memory.axhline(plan.arena_bytes / 1024, color=_CHOSEN, linewidth=0.8, linestyle="--")
    memory.set_xlabel("operator; dotted: cuts between segments")
    memory.set_ylabel("arena in use, KiB")
    memory.set_title(f"{name}: arena {plan.arena_bytes / 1024:.1f} KiB")
    memory.legend(loc="upper right")
    front.step(
        [p.arena_bytes / 1024 for p in plan.front], [p.overhead for p in plan.front], ".", color=_AFTER
    )
    front.plot([plan.arena_bytes / 1024], [plan.overhead], "o", color=_CHOSEN, label="chosen")
    front.set_xlabel("arena, KiB")
    front.set_ylabel("overhead: MACs executed / MACs")
    front.set_title("alternatives")
    front.legend()
    picture = io.BytesIO()
    figure.savefig(picture, format=path.suffix.lstrip(".") or "png", dpi=150)
    return write_bytes(path, picture.getvalue())


def _per_operator(memory: PlanMemory, count: int) -> list[float]:
    """Return KiB in use by operator; of two passes, the larger."""
    used = [0.0] * count
    for part in memory.segments:
        for index in part.segment.operators:
            used[index] = max(used[index], part.in_use / 1024)
    return used
