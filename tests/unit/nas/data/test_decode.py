"""Picture files of all kinds become upright pixels of 8 bits, or an error that names them."""

from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from tests.unit.nas.data.trees import noise, paint
from tvm_patch.errors import InputError
from tvm_patch.nas.data.decode import decode, upright_size


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        ("RGB", "a.png"),
        ("RGB", "a.bmp"),
        ("RGB", "a.gif"),
        ("P", "a.png"),
        ("RGBA", "a.png"),
        ("CMYK", "a.jpg"),
        ("CMYK", "a.tif"),
        ("LAB", "a.tif"),
    ],
)
def test_colours_survive_every_kind_of_file(tmp_path, mode, name):
    path = tmp_path / name
    picture = Image.new("RGB", (6, 4), (200, 60, 20))
    if mode == "LAB":
        from PIL import ImageCms

        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        picture = ImageCms.profileToProfile(picture, *profiles, outputMode="LAB")
    elif mode == "P":
        picture = picture.quantize(4)
    else:
        picture = picture.convert(mode)
    picture.save(path)
    found = decode(path, 3)
    assert found.shape == (4, 6, 3)
    assert abs(found.astype(int) - [200, 60, 20]).max() <= 20
    assert decode(path, 1).shape == (4, 6, 1)


@pytest.mark.parametrize("mode", ["L", "1", "LA"])
def test_grey_becomes_three_equal_channels(tmp_path, mode):
    found = decode(paint(tmp_path / "a.png", color=(255, 255, 255), mode=mode), 3)
    assert (found == 255).all()


def test_16_bits_of_grey_are_scaled_not_cut_off(tmp_path):
    values = np.array([[0, 257, 32768, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    assert decode(tmp_path / "a.png", 1)[0, :, 0].tolist() == [0, 1, 128, 255]
    assert decode(tmp_path / "a.png", 3)[0, 2].tolist() == [128] * 3


def test_what_is_transparent_is_white(tmp_path):
    Image.new("RGBA", (2, 2), (200, 0, 0, 0)).save(tmp_path / "a.png")
    assert (decode(tmp_path / "a.png", 3) == 255).all()
    palette = Image.new("RGB", (2, 2), (200, 0, 0)).quantize(4)
    palette.save(tmp_path / "b.png", transparency=palette.getpixel((0, 0)))
    assert (decode(tmp_path / "b.png", 3) == 255).all()


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_pictures_are_turned_as_their_exif_says(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = noise(tmp_path / "a.png", (8, 4), exif=exif)
    stored = np.asarray(Image.open(path))
    turned = np.rot90(stored, {3: 2, 6: 3, 8: 1}[orientation])
    np.testing.assert_array_equal(decode(path, 3), turned)
    assert upright_size(path) == turned.shape[:2]


def test_large_pictures_are_reduced_to_what_is_useful(tmp_path):
    for name in ("a.jpg", "a.png"):
        path = noise(tmp_path / name, (900, 600))
        assert decode(path, 3, largest=100).shape == (100, 150, 3)
        assert decode(path, 1, largest=1000).shape == (600, 900, 1)
        assert upright_size(path) == (600, 900)


def test_a_picture_of_one_row_stays_one(tmp_path):
    assert decode(paint(tmp_path / "a.png", (600, 1)), 3, largest=100).shape == (1, 600, 3)


@pytest.mark.filterwarnings("ignore:Image size")
@pytest.mark.parametrize("read", [lambda path: decode(path, 3), upright_size])
def test_a_file_that_claims_to_be_huge_is_refused(tmp_path, monkeypatch, read):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(InputError, match=r"a\.png claims more pixels"):
        read(paint(tmp_path / "a.png", (12, 11)))
    with pytest.raises(InputError, match=r"b\.png claims more pixels"):
        read(paint(tmp_path / "b.png", (40, 11)))


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0\x00"])
def test_a_file_that_is_no_picture_is_named(tmp_path, content):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.jpg is no picture"):
        decode(path, 3)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.gif", "a.bmp"])
def test_a_file_that_is_cut_off_is_named(tmp_path, name):
    path = noise(tmp_path / name)
    path.write_bytes(path.read_bytes()[:-400])
    assert upright_size(path) == (48, 64)
    with pytest.raises(InputError, match=rf"{name} is no picture"):
        decode(path, 3)


def test_floats_of_no_known_range_are_refused(tmp_path):
    Image.fromarray(np.zeros((2, 2), np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(InputError, match=r"a\.tif .*floats"):
        decode(tmp_path / "a.tif", 3)


def test_changed_bytes_are_read_or_refused(tmp_path):
    path = noise(tmp_path / "a.jpg", (24, 16))
    good = path.read_bytes()
    chance = np.random.default_rng(0)
    for _ in range(100):
        data = bytearray(good)
        for _ in range(3):
            data[chance.integers(len(data))] = chance.integers(256)
        path.write_bytes(data)
        with suppress(InputError):
            assert decode(path, 3).shape[2] == 3
