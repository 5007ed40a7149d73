"""What kernels over streams of dot products have in common: how far their inner loop is unrolled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from tvm_patch.kernels.base import Kernel, Preference
from tvm_patch.kernels.c.arm.dot_tile import DotTile
from tvm_patch.kernels.c.arm.rescaling import Rescaling
from tvm_patch.kernels.c.stream import DotStream

_UNROLLS = (2, 4, 8, 12)
"""Fours of inputs an iteration that the tuner tries."""
_MOST_STRAIGHT = 16
"""Fours of inputs that may stand one after the other without a loop: 1.3 KB of code."""
_BY_PREFERENCE = {"size": 2, "speed": 12}


class Stream(Protocol):
    """What of a stream decides on its loop."""

    @property
    def quads(self) -> int:
        """Words of weights an output."""

    @property
    def joined(self) -> bool:
        """Whether weights are joined."""


def unrolls(stream: DotStream) -> tuple[int, ...]:
    """Return what may stand for ``unroll``: 0 is no loop at all, in code for this number of inputs."""
    return (*_UNROLLS, 0) if stream.quads <= _MOST_STRAIGHT else _UNROLLS


def loop_of(stream: Stream, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers of a tile that say how its loop is written."""
    unroll, form = int(config["unroll"]), {"dual": bool(config["dual"]), "joined": stream.joined}
    # Two steps without a loop are less code than one, and faster.
    least = 3 if stream.joined else DotTile.apart_of(**form)
    if unroll and stream.quads >= least:
        return {"unroll": unroll, **form}
    return {"unroll": 1, "straight": stream.quads, **form}


def dot_of(stream: DotStream, rescaling: Rescaling, config: Mapping[str, Any], pixels: int) -> DotTile:
    """Return the register tile that a config stands for."""
    return DotTile(
        pixels, stream.group, rescaling=rescaling, direct=bool(config["direct"]), **loop_of(stream, config)
    )


def with_unroll(kernel: Kernel, preference: Preference) -> Kernel:
    """Return a kernel whose loop is unrolled as the preference asks for."""
    unroll = _BY_PREFERENCE.get(preference)
    return type(kernel)(kernel.op, {**kernel.config, "unroll": unroll}) if unroll else kernel


def rescaling_traits(rescaling: Rescaling) -> dict[str, Any]:
    """Return what of a rescaling decides on the time that it takes."""
    return {"signed": rescaling.signed, "clamped": rescaling.clamp != (-128, 127)}
