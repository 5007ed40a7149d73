"""Constant arrays as C: a header that declares them and a source that defines them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

C_TYPES = {
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "uint16": "uint16_t",
    "int32": "int32_t",
    "uint32": "uint32_t",
    "int64": "int64_t",
    "float32": "float",
    "bool": "bool",
}
"""C type of an element by numpy dtype name."""

_WORD = 4
"""Bytes that kernels load at once."""

_PER_LINE = {1: 32, 2: 20, 4: 12, 8: 6}


def c_float(value: float) -> str:
    """Return a float32 as a C literal that reads back exactly."""
    return float(np.float32(value)).hex() + "f"


def _literals(array: np.ndarray) -> list[str]:
    values = array.ravel().tolist()
    if array.dtype == np.float32:
        return [c_float(v) for v in values]
    if array.dtype == np.int32:
        # The literal 2147483648 would be a long.
        return ["(-2147483647 - 1)" if v == -(2**31) else str(v) for v in values]
    return [str(int(v)) for v in values] if array.dtype == bool else list(map(str, values))


def _values(array: np.ndarray) -> str:
    literals = _literals(array)
    step = _PER_LINE[array.dtype.itemsize]
    lines = [",".join(literals[i : i + step]) for i in range(0, len(literals), step)]
    return ",\n".join(lines)


def _declaration(
    prefix: str, symbol: str, array: np.ndarray, in_ram: Collection[str], storage: str = ""
) -> str:
    # Declared as it is defined: a compiler that sees no alignment assumes that of its ABI, which is 16 on x86-64.
    aligned = "TVMP_WORD_ALIGNED " if array.itemsize < _WORD else ""
    # Initialized data that is not const lies in RAM: what starts a C program copies it there.
    const = "" if symbol in in_ram else "const "
    return f"{aligned}{storage}{const}{C_TYPES[str(array.dtype)]} {prefix}_{symbol}[{max(1, array.size)}]"


def constants_header(
    name: str, prefix: str, arrays: Mapping[str, np.ndarray], in_ram: Collection[str] = ()
) -> str:
    """Return the private header that declares every array of model `name` as ``<prefix>_<symbol>``.

    Those `in_ram` are copied there from flash at start, the others stay in flash.
    """
    guard = f"{prefix.upper()}_CONSTANTS_H"
    lines = [
        f"/* {name}: constants, defined in {name}_lib1.c. */",
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
    ]
    if any(a.dtype == bool for a in arrays.values()):
        lines.append("#include <stdbool.h>")
    lines += [
        "#include <stdint.h>",
        "",
        "#ifdef __cplusplus",
        "#define TVMP_WORD_ALIGNED alignas(4)",
        'extern "C" {',
        "#else",
        "#define TVMP_WORD_ALIGNED _Alignas(4)",
        "#endif",
        "",
    ]
    lines += [f"{_declaration(prefix, s, a, in_ram, 'extern ')};" for s, a in arrays.items()]
    lines += ["", "#ifdef __cplusplus", "}", "#endif", "", "#endif", ""]
    return "\n".join(lines)


def constants_source(
    name: str, prefix: str, arrays: Mapping[str, np.ndarray], in_ram: Collection[str] = ()
) -> str:
    """Return the C source that defines every array; word-aligned, so that kernels may load words.

    Parameters are those of :func:`constants_header`.
    """
    lines = [
        f"/* {name}: constants. */",
        f'#include "{name}_constants.h"',
        "",
    ]
    for symbol, array in arrays.items():
        lines += [f"{_declaration(prefix, symbol, array, in_ram)} = {{", _values(array), "};", ""]
    return "\n".join(lines)
