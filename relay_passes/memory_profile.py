"""Memory profile: which tensors live while each operator runs, and the most that do at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from relay_passes.extract_network import extract_network
from tvm_patch.planner.network import Network


@dataclass(frozen=True)
class LayerProfile:
    """Tensors kept while one operator runs, its own inputs and outputs included.

    Attributes
    ----------
    index : int
    name, kind : str
        Of the operator.
    live : tuple of str
        Names of the tensors.
    live_bytes : int
        Their bytes together.
    """

    index: int
    name: str
    kind: str
    live: tuple[str, ...]
    live_bytes: int


@dataclass(frozen=True)
class MemoryProfile:
    """Live bytes of a network run layer by layer, without scratch, alignment or in-place execution.

    Attributes
    ----------
    layers : tuple of LayerProfile
        In run order.
    """

    layers: tuple[LayerProfile, ...]

    @property
    def peak_bytes(self) -> int:
        """Most bytes live at once; no layer-by-layer arena without overlap can be smaller."""
        return max((layer.live_bytes for layer in self.layers), default=0)

    @property
    def peak_layer(self) -> LayerProfile | None:
        """First operator at the peak; None for a network without operators."""
        return next((layer for layer in self.layers if layer.live_bytes == self.peak_bytes), None)


def memory_profile(module: Any) -> MemoryProfile:
    """Return the profile of a legalized module."""
    return profile_of(extract_network(module))


def profile_of(network: Network) -> MemoryProfile:
    """Return the profile of `network`."""
    return MemoryProfile(
        tuple(
            LayerProfile(op.index, op.name, op.kind, network.live(op.index), network.live_bytes(op.index))
            for op in network.operators
        )
    )
