"""Flash by kind of operator: every byte is counted once, under the operator that needs it."""

from __future__ import annotations

from microtvm_project.elf import Symbol
from tests.metadata import metadata, operator, segment
from tvm_patch.report.flash import LIBRARY, REST, SEQUENCE, SHARED, flash_by_kind

METADATA = metadata(
    "with_op1_in_its_name",
    [],
    [],
    [operator(0, "a", "conv2d"), operator(1, "b", "depthwise_conv2d"), operator(2, "c", "avg_pool2d")],
    segments=(segment(0, 1), segment(2)),
)


def code(name: str, size: int, section: str = ".model_text") -> Symbol:
    return Symbol(name, 0, size, True, section)


def constant(name: str, size: int) -> Symbol:
    return Symbol(f"tvmgen_with_op1_in_its_name_{name}", 0, size, False, ".model_rodata")


def flash_of(*symbols: Symbol, beyond: int = 0) -> dict[str, tuple[int, int]]:
    total = sum(s.size for s in symbols) + beyond
    found = flash_by_kind(symbols, METADATA, total)
    assert sum(f.code_bytes + f.constant_bytes for f in found) == total
    return {f.kind: (f.code_bytes, f.constant_bytes) for f in found}


def test_constants_belong_to_the_operator_of_their_segment() -> None:
    found = flash_of(
        constant("op0_op0_stream", 7), constant("op0_op1_stream", 100), constant("op1_multiplier", 4)
    )
    assert found == {"depthwise_conv2d": (0, 100), "conv2d": (0, 7), "avg_pool2d": (0, 4)}


def test_functions_belong_to_the_operator_that_they_are_named_after() -> None:
    found = flash_of(
        code("conv2d_row0_3", 10),
        code("conv2d_2.constprop.0", 5),
        code("depthwise_conv2d_row1_3.constprop.1", 20),
        code("avg_pool2d_finish0_1", 3),
        code("tvmp_taps_3x3_5_00112233", 30),
        code("tvmp_pairs_3_00112233", 2),
    )
    assert found == {"depthwise_conv2d": (52, 0), "conv2d": (15, 0), "avg_pool2d": (3, 0)}


def test_what_belongs_to_no_single_operator() -> None:
    found = flash_of(
        code("tvmp_dot_2x3_00112233", 50),
        code("run", 40),
        code("segment_of_2_0", 30),
        code("memcpy", 8, ".library"),
        constant("model", 1),
        beyond=6,
    )
    assert found == {SEQUENCE: (70, 1), SHARED: (50, 0), LIBRARY: (8, 0), REST: (6, 0)}


def test_the_largest_comes_first_and_nothing_is_left_over() -> None:
    found = flash_by_kind([code("conv2d_0", 1), constant("op0_op1_stream", 9)], METADATA, 10)
    assert [f.kind for f in found] == ["depthwise_conv2d", "conv2d"]


def test_one_place_with_several_names_is_counted_once() -> None:
    """Gcc folds functions of the same code: names without bytes of their own."""
    folded = [Symbol(name, 0x100, 40, True, ".model_text") for name in ("tvmp_widen_3_a", "tvmp_widen_3_b")]
    found = flash_by_kind([*folded, Symbol("run", 0x200, 10, True, ".model_text")], METADATA, 50)
    assert {f.kind: f.code_bytes for f in found} == {SHARED: 40, SEQUENCE: 10}
