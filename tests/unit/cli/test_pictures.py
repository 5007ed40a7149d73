"""Pictures of every kind are read right, or refused with what to do."""

from __future__ import annotations

import numpy as np
import pytest

from tvm_patch.cli.pictures import read_pixels
from tvm_patch.errors import InputError

image = pytest.importorskip("PIL.Image")

RGB = np.zeros((6, 8, 3), np.uint8)
RGB[:3, :4] = (250, 10, 20)
RGB[3:, 4:] = (0, 200, 90)
GREY = np.linspace(0, 255, 48).reshape(6, 8).astype(np.uint8)


def saved(tmp_path, picture, name="p.png", **options):
    picture.save(tmp_path / name, **options)
    return tmp_path / name


def test_colours(tmp_path):
    np.testing.assert_array_equal(read_pixels(saved(tmp_path, image.fromarray(RGB)), 6, 8, 3)[0], RGB)


@pytest.mark.parametrize("channels", [1, 3])
def test_grey_of_16_bits(tmp_path, channels):
    """65535 is white: nothing is cut off at 255."""
    wide = image.fromarray(GREY.astype(np.uint16) * 257)
    pixels = read_pixels(saved(tmp_path, wide), 6, 8, channels)
    np.testing.assert_allclose(pixels[0], np.repeat(GREY[..., None], channels, 2), atol=0.51)


def test_grey_of_more_bits(tmp_path):
    picture = image.fromarray(GREY.astype(np.int32) * 100_000)
    with pytest.raises(InputError, match="beyond 16 bits"):
        read_pixels(saved(tmp_path, picture, "p.tif"), 6, 8, 1)


def test_two_colours(tmp_path):
    pixels = read_pixels(saved(tmp_path, image.fromarray(GREY > 99)), 6, 8, 3)
    np.testing.assert_array_equal(pixels[0], np.repeat((GREY > 99)[..., None] * 255, 3, 2))


@pytest.mark.parametrize("name", ["p.png", "p.gif"])
def test_palettes(tmp_path, name):
    palette = image.fromarray(RGB).convert("P", palette=image.Palette.ADAPTIVE, colors=4)
    np.testing.assert_array_equal(read_pixels(saved(tmp_path, palette, name), 6, 8, 3)[0], RGB)


def test_a_palette_with_a_transparent_colour(tmp_path):
    palette = image.fromarray(RGB).convert("P", palette=image.Palette.ADAPTIVE, colors=4)
    for index in range(4):
        if (np.asarray(palette) == index).any():
            with pytest.raises(InputError, match="transparent pixels"):
                read_pixels(saved(tmp_path, palette, transparency=index), 6, 8, 3)


def test_alpha(tmp_path):
    alpha = np.full((6, 8, 1), 255, np.uint8)
    opaque = image.fromarray(np.concatenate([RGB, alpha], 2))
    np.testing.assert_array_equal(read_pixels(saved(tmp_path, opaque), 6, 8, 3)[0], RGB)
    alpha[2, 2] = 254
    with pytest.raises(InputError, match="transparent pixels; put it on the background"):
        read_pixels(saved(tmp_path, image.fromarray(np.concatenate([RGB, alpha], 2))), 6, 8, 3)
    with pytest.raises(InputError, match="transparent pixels"):
        read_pixels(saved(tmp_path, image.fromarray(np.stack([GREY, GREY], 2))), 6, 8, 1)


def test_cmyk(tmp_path):
    with pytest.raises(InputError, match="is in CMYK, whose pixels are not RGB or grey; save it as RGB"):
        read_pixels(saved(tmp_path, image.fromarray(RGB).convert("CMYK"), "p.jpg"), 6, 8, 3)


def test_floats(tmp_path):
    with pytest.raises(InputError, match="is in F, whose"):
        read_pixels(saved(tmp_path, image.fromarray(GREY.astype(np.float32)), "p.tif"), 6, 8, 1)


def test_photographs_stand_upright(tmp_path):
    exif = image.Exif()
    exif[0x0112] = 6  # turned by a quarter, as telephones save it
    turned = saved(tmp_path, image.fromarray(np.rot90(RGB)), exif=exif)
    np.testing.assert_array_equal(read_pixels(turned, 6, 8, 3)[0], RGB)
