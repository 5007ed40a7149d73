"""A network cut into segments: the skeleton of a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tvm_patch.errors import PlanError
from tvm_patch.planner.network import Network


@dataclass(frozen=True)
class Segment:
    """Operators that run together.

    Attributes
    ----------
    operators : tuple of int
        Indices in run order.  An operator may be in several segments: it then runs again.
    bands : int
        Vertical stripes of the last operator's output.
    patch_rows : int
        0: rows are made on demand and kept as long as they are needed.  Otherwise the output is cut into `patch_rows`
        × `bands` patches, and within a patch the operators run one after another on whole regions (MCUNetV2's scheme).
    """

    operators: tuple[int, ...]
    bands: int = 1
    patch_rows: int = 0


def layer_by_layer(network: Network) -> tuple[Segment, ...]:
    """Return one segment an operator: classic execution."""
    return tuple(Segment((op.index,)) for op in network.operators)


def kept_tensors(network: Network, segments: Sequence[Segment]) -> tuple[frozenset[str], ...]:
    """Return, per segment, the tensors that it makes and that something after it reads.

    Raises
    ------
    PlanError
        When a segment reads what nothing before it stored, or the network's output is never stored.
    """
    made = [{t for i in s.operators for t in network.operators[i].outputs} for s in segments]
    wanted: set[str] = set(network.outputs)
    kept: list[frozenset[str]] = []
    for segment, own in zip(reversed(segments), reversed(made), strict=True):
        kept.append(frozenset(own & wanted))
        wanted -= own
        wanted |= {t for i in segment.operators for t in network.operators[i].inputs if t not in own}
    missing = wanted - set(network.inputs)
    if missing:
        raise PlanError(f"tensor {min(missing)} is read but no segment before makes it")
    return tuple(reversed(kept))
