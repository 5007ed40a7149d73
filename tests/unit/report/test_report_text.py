import pytest

from tvm_patch.report.text import bar, count, kib, shape


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [(0, 10, "    "), (5, 10, "██  "), (10, 10, "████"), (1, 32, "▏   "), (20, 10, "████"), (1, 0, "    ")],
)
def test_bar(part, whole, expected):
    assert bar(part, whole, 4) == expected


def test_numbers():
    assert kib(1536) == "1.5 KiB (1,536 B)"
    assert kib(None) == "–"
    assert [count(n) for n in (None, 999, 12_345, 12_345_678)] == ["–", "999", "12.3 k", "12.35 M"]
    assert shape((1, 8, 8, 3)) == "1×8×8×3"
    assert shape(()) == "scalar"
