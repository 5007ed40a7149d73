"""TinyEngine's own generated code of a network, with its kernels."""

from __future__ import annotations

from pathlib import Path

_NETWORK = """
#include "network.h"
#include "genNN.h"
int network_status;
int8_t *network_input(void) {{ return (int8_t *)getInput(); }}
int8_t *network_output(void) {{ return (int8_t *)getOutput(); }}
const uint32_t network_input_bytes = {input_bytes}, network_output_bytes = {output_bytes};
void network_run(void) {{ invoke(0); }}
"""


def source(input_bytes: int, output_bytes: int) -> str:
    """Return the C file between the program and the generated network."""
    return _NETWORK.format(input_bytes=input_bytes, output_bytes=output_bytes)


def kernels(engine: Path, generated: Path) -> list[Path]:
    """Return the C files: of the engine, and those that its generator made for the network."""
    own = [
        f
        for d in ("int_forward_op", "fp_requantize_op")
        for f in (engine / "TinyEngine/src/kernels" / d).glob("*.c")
    ]
    made = [f for f in (generated / "codegen/Source").glob("*.c") if "mask" not in f.name]
    return sorted(own) + sorted(made)


def includes(engine: Path, generated: Path, cmsis: Path) -> list[Path]:
    """Return the folders with headers."""
    parts = ("Core", "DSP", "NN")
    return [
        generated / "codegen/Include",
        engine / "TinyEngine/include",
        *(cmsis / "CMSIS" / part / "Include" for part in parts),
    ]
