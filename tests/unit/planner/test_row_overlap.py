import pytest

from tvm_patch.planner import row_overlap_distance


def simulate(out_rows, out_row, in_rows, in_row, first_needed, distance):
    """Tell whether writing rows over the input at `distance` spoils a row before its last use."""
    for y in range(out_rows):
        written_end = (y + 1) * out_row
        if written_end > distance + first_needed(y) * in_row and first_needed(y) < in_rows:
            return False
    return True


@pytest.mark.parametrize("out_row", [3, 8, 20])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("pad", [0, 1])
def test_distance_is_safe_and_least(out_row, stride, pad):
    in_rows, in_row = 9, 8
    out_rows = (in_rows + 2 * pad - 3) // stride + 1

    def first(y):
        return max(0, y * stride - pad)

    distance = row_overlap_distance(out_rows, out_row, in_rows, in_row, first)
    assert simulate(out_rows, out_row, in_rows, in_row, first, distance)
    assert not simulate(out_rows, out_row, in_rows, in_row, first, distance - 1)


def test_known_values():
    # 3x3 depthwise, stride 1, padding 1, equal rows: the row above is still needed, so two rows.
    assert row_overlap_distance(10, 100, 10, 100, lambda y: max(0, y - 1)) == 200
    # Pointwise that doubles the channels, the input row being read while the output row is written.
    assert row_overlap_distance(4, 20, 4, 10, lambda y: y) == 80 - 30
    # The same with the input row in a buffer of its own: row y is free already.
    assert row_overlap_distance(4, 10, 4, 10, [1, 2, 3, 4]) == 0


def test_falling_rows_are_refused():
    with pytest.raises(ValueError, match="falls from 2 to 1"):
        row_overlap_distance(2, 1, 4, 1, [2, 1])
