import numpy as np
import pytest

from tests.metadata import input_tensor
from tests.metadata import metadata as made_up
from tvm_patch.artifact_metadata import BorderEntry
from tvm_patch.cli.inputs import InputScale, guess_scale, load_inputs
from tvm_patch.errors import InputError


def metadata(shape=(1, 2, 2, 3), **changes):
    mine = input_tensor("x", shape, **{"scale": 1 / 255, "zero_point": -128, **changes})
    return made_up("tiny", [mine], [], [])


@pytest.fixture(autouse=True)
def _fake(driver):
    """Conversion between the model's and the artifact's types is the driver's business."""


def save(tmp_path, array):
    np.save(tmp_path / "x.npy", array)
    return [tmp_path / "x.npy"]


@pytest.mark.parametrize("shape", [(1, 2, 2, 3), (2, 2, 3)])
def test_array_with_and_without_batch(tmp_path, shape):
    array = np.arange(12, dtype=np.int8).reshape(shape)
    (got,) = load_inputs(save(tmp_path, array), metadata())
    assert got.shape == (1, 2, 2, 3)
    assert np.array_equal(got.ravel(), np.arange(12))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((1, 2, 3, 3), np.int8), r"has shape \[1, 2, 3, 3\], input 'x' has \[1, 2, 2, 3\]"),
        (np.zeros((1, 2, 2, 3), np.float64), "has dtype float64, input 'x' takes int8"),
        (np.array([{}], dtype=object), r"not a readable \.npy"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path, array, message):
    with pytest.raises(InputError, match=message):
        load_inputs(save(tmp_path, array), metadata())


def test_number_of_inputs(tmp_path):
    paths = save(tmp_path, np.zeros((1, 2, 2, 3), np.int8))
    with pytest.raises(InputError, match=r"has 1 inputs .* got 2"):
        load_inputs(paths * 2, metadata())


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point", "expected"),
    [
        ("int8", 1 / 255, -128, InputScale.zero_one),
        ("int8", 1 / 127, 0, InputScale.minus_one_one),
        ("int8", 0.00813783, -70, InputScale.minus_one_one),
        ("uint8", 0.00784314, 127, InputScale.minus_one_one),
        ("int8", 1.0, -128, InputScale.raw),
        ("uint8", 1.0, 0, InputScale.raw),
    ],
)
def test_guessed_scale(dtype, scale, zero_point, expected):
    assert guess_scale(BorderEntry(name="x", dtype=dtype, scale=scale, zero_point=zero_point)) is expected


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point"), [("float32", 0.0, 0), ("int8", 1.0, 0), ("int8", 0.58, 83)]
)
def test_scales_that_nobody_can_guess(dtype, scale, zero_point):
    with pytest.raises(InputError, match="--input-scale raw, 01 or -11"):
        guess_scale(BorderEntry(name="x", dtype=dtype, scale=scale, zero_point=zero_point))


@pytest.mark.parametrize(
    ("scale", "quantization", "expected"),
    [
        (None, {}, [127, -128]),
        (InputScale.minus_one_one, {"scale": 1 / 128, "zero_point": 0}, [127, -128]),
        (InputScale.raw, {"scale": 1.0, "zero_point": -128}, [127, -128]),
        (InputScale.zero_one, {"scale": 1 / 128, "zero_point": 0}, [127, 0]),
    ],
)
def test_picture(tmp_path, scale, quantization, expected):
    image = pytest.importorskip("PIL.Image")
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:, :4, 0] = 255
    image.fromarray(pixels).save(tmp_path / "p.png")
    (got,) = load_inputs([tmp_path / "p.png"], metadata(**quantization), scale)
    assert got.dtype == np.int8
    assert got.shape == (1, 2, 2, 3)
    # The edge of a resized picture is soft: the outer columns are within a few steps of the pure colours.
    assert abs(int(got[0, 0, 0, 0]) - expected[0]) <= 50
    assert got[0, 0, 0, 1] == expected[1]


def test_what_is_not_a_picture(tmp_path):
    pytest.importorskip("PIL")
    (tmp_path / "p.png").write_text("no")
    with pytest.raises(InputError, match=r"neither a \.npy array nor a picture"):
        load_inputs([tmp_path / "p.png"], metadata())
    with pytest.raises(InputError, match="does not take a picture"):
        load_inputs([tmp_path / "p.png"], metadata(shape=[1, 10]))
    with pytest.raises(InputError, match="does not exist"):
        load_inputs([tmp_path / "q.png"], metadata())
