"""Flash by kind of operator: every byte is counted once, under the operator that needs it."""

from __future__ import annotations

from microtvm_project.elf import Symbol
from tests.metadata import metadata, operator
from tvm_patch.report.flash import LIBRARY, REST, SEQUENCE, SHARED, flash_by_kind

PREFIX = "tvmgen_tiny_"
METADATA = metadata(
    "tiny",
    [],
    [],
    [
        operator(
            0, "a", "conv2d", symbols=("first", "loop", "fill", "dot", f"{PREFIX}op0_a", f"{PREFIX}table")
        ),
        operator(1, "b", "depthwise_conv2d", symbols=("second", "loop", "fill", "taps", f"{PREFIX}op0_b")),
        operator(2, "c", "avg_pool2d", symbols=("third", f"{PREFIX}op1_c", f"{PREFIX}table")),
        operator(3, "d", "depthwise_conv2d", symbols=("second", "loop", "taps")),
    ],
)


def code(name: str, size: int, section: str = ".model_text") -> Symbol:
    return Symbol(name, 0, size, True, section)


def constant(name: str, size: int) -> Symbol:
    return Symbol(f"{PREFIX}{name}", 0, size, False, ".model_rodata")


def flash_of(*symbols: Symbol, beyond: int = 0) -> dict[str, tuple[int, int]]:
    total = sum(s.size for s in symbols) + beyond
    found = flash_by_kind(symbols, METADATA, total)
    assert sum(f.code_bytes + f.constant_bytes for f in found) == total
    return {f.kind: (f.code_bytes, f.constant_bytes) for f in found}


def test_constants_belong_to_the_first_operator_that_uses_them() -> None:
    found = flash_of(constant("op0_a", 7), constant("op0_b", 100), constant("op1_c", 4), constant("table", 3))
    assert found == {"depthwise_conv2d": (0, 100), "conv2d": (0, 10), "avg_pool2d": (0, 4)}


def test_functions_belong_to_the_kind_that_uses_them() -> None:
    found = flash_of(
        code("first", 10),
        code("dot", 5),
        code("second.constprop.1", 20),
        code("third", 3),
        code("taps", 30),
    )
    assert found == {"depthwise_conv2d": (50, 0), "conv2d": (15, 0), "avg_pool2d": (3, 0)}


def test_what_belongs_to_no_single_kind() -> None:
    found = flash_of(
        code("loop", 50),
        code("run", 40),
        code("segment_of_2_0", 30),
        code("memcpy", 8, ".library"),
        constant("model", 1),
        beyond=6,
    )
    assert found == {SEQUENCE: (70, 1), SHARED: (50, 0), LIBRARY: (8, 0), REST: (6, 0)}


def test_the_largest_comes_first_and_nothing_is_left_over() -> None:
    found = flash_by_kind([code("first", 1), constant("op0_b", 9)], METADATA, 10)
    assert [f.kind for f in found] == ["depthwise_conv2d", "conv2d"]


def test_one_place_with_several_names_is_counted_once() -> None:
    """Gcc folds functions of the same code: names without bytes of their own."""
    folded = [Symbol(name, 0x100, 40, True, ".model_text") for name in ("loop", "fill")]
    found = flash_by_kind([*folded, Symbol("run", 0x200, 10, True, ".model_text")], METADATA, 50)
    assert {f.kind: f.code_bytes for f in found} == {SHARED: 40, SEQUENCE: 10}
