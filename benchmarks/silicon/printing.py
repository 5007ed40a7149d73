"""Pieces of C that both peers' programs have."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from benchmarks.silicon.layers import Network


def array(ctype: str, name: str, values: np.ndarray | Iterable[float]) -> str:
    """Return a constant array, aligned as the fastest kernels want it."""
    flat = np.asarray(values if isinstance(values, np.ndarray) else list(values)).ravel().tolist()
    text = ", ".join(_literal(v) for v in flat)
    return f"static const {ctype} {name}[{len(flat)}] __attribute__((aligned(16))) = {{{text}}};"


def _literal(value: float) -> str:
    if isinstance(value, float):
        return f"{value!r}f"
    return "(-2147483647 - 1)" if value == -(2**31) else str(value)


def ends(network: Network, offsets: dict[int, int]) -> list[str]:
    """Return what the program around the network reads: where its input and output are."""
    return [
        f"int8_t *network_input(void) {{ return arena + {offsets[network.input]}; }}",
        f"int8_t *network_output(void) {{ return arena + {offsets[network.output]}; }}",
        f"const uint32_t network_input_bytes = {network.sizes[network.input]};",
        f"const uint32_t network_output_bytes = {network.sizes[network.output]};",
    ]
