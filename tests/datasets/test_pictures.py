import io

import cv2
import numpy as np
import pytest
from PIL import Image

from ovsam.datasets.pictures import as_picture, read_picture

RGB = np.random.default_rng(0).integers(0, 255, (24, 31, 3), dtype=np.uint8)


def encoded(picture: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def test_channels_come_as_red_green_blue():
    np.testing.assert_array_equal(read_picture("p", encoded(Image.fromarray(RGB), "PNG")), RGB)


def test_exif_rotation_is_applied():
    flat = np.zeros((24, 32, 3), np.uint8)
    flat[:, :16] = 200  # left half bright
    exif = Image.Exif()
    exif[274] = 6  # shown upright after a quarter turn clockwise
    turned = read_picture("p", encoded(Image.fromarray(flat), "JPEG", exif=exif))
    assert turned.shape == (32, 24, 3)
    assert turned[:12].mean() > 190
    assert turned[20:].mean() < 10


def test_grey_becomes_three_equal_channels():
    grey = RGB[..., 0]
    found = read_picture("p", encoded(Image.fromarray(grey), "PNG"))
    np.testing.assert_array_equal(found, np.repeat(grey[..., None], 3, axis=2))


def test_of_16_bits_the_upper_8_are_kept():
    deep = np.arange(24 * 31, dtype=np.uint16).reshape(24, 31) * 80
    found = read_picture("p", encoded(Image.fromarray(deep), "PNG"))
    assert found.dtype == np.uint8
    assert np.abs(found[..., 1].astype(int) - deep // 256).max() <= 1


def test_transparency_is_dropped_not_blended():
    alpha = np.full((24, 31, 1), 7, np.uint8)
    found = read_picture("p", encoded(Image.fromarray(np.concatenate([RGB, alpha], axis=2)), "PNG"))
    np.testing.assert_array_equal(found, RGB)


def test_cmyk_is_not_inverted():
    flat = Image.new("RGB", (16, 16), (200, 50, 20)).convert("CMYK")
    found = read_picture("p", encoded(flat, "JPEG", quality=95))
    assert np.abs(found.astype(int) - (200, 50, 20)).max() < 8


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_cut_files_are_refused_though_opencv_fills_them(kind):
    content = encoded(Image.fromarray(RGB), kind)
    with pytest.raises(ValueError, match=r"cut\.x is broken: cut short"):
        read_picture("cut.x", content[: len(content) * 3 // 4])


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "an empty file"), (b"hello", "broken or no picture"), (b"\xff\xd8\xff\xd9", "")],
)
def test_what_is_no_picture_is_refused_by_name(content, message):
    with pytest.raises(ValueError, match=f"image folder/a.jpg .*{message}"):
        read_picture("folder/a.jpg", content)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.png does not exist"):
        read_picture(tmp_path / "gone.png")
    with pytest.raises(ValueError, match="is a folder"):
        read_picture(tmp_path)


def test_as_picture_takes_every_kind_alike(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "p.png")
    content = encoded(Image.fromarray(RGB), "PNG")
    for given in (tmp_path / "p.png", str(tmp_path / "p.png"), content, Image.fromarray(RGB), RGB):
        np.testing.assert_array_equal(as_picture(given), RGB)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "1", "I;16"])
def test_pil_modes_become_rgb(mode):
    if mode == "I;16":
        given = Image.fromarray(RGB[..., 0].astype(np.uint16) * 256 + 77)
        expected = np.repeat(RGB[..., :1], 3, axis=2)
    else:
        given = Image.fromarray(RGB).convert(mode)
        expected = np.asarray(given.convert("RGB"))
    np.testing.assert_array_equal(as_picture(given), expected)


def test_rotation_of_an_opened_picture_is_applied():
    exif = Image.Exif()
    exif[274] = 6
    opened = Image.open(io.BytesIO(encoded(Image.fromarray(RGB), "PNG", exif=exif)))
    np.testing.assert_array_equal(as_picture(opened), np.rot90(RGB, -1))


def test_deep_and_grey_arrays():
    deep = RGB[..., 0].astype(np.uint16) * 256 + 3
    np.testing.assert_array_equal(as_picture(deep), np.repeat(RGB[..., :1], 3, axis=2))
    np.testing.assert_array_equal(as_picture(RGB[..., :1] > 100)[..., 2], (RGB[..., 0] > 100) * 255)


def test_a_huge_file_is_refused_before_it_is_decoded():
    content = encoded(Image.new("1", (20000, 10001)), "PNG")  # 200 megapixels in 30 kB
    with pytest.raises(ValueError, match="allowed are 100,000,000"):
        as_picture(content)
    content = encoded(Image.new("1", (400, 300)), "PNG")
    with pytest.raises(ValueError, match=r"400 x 300 px, allowed are 119,999 px"):
        as_picture(content, max_pixels=119_999)
    assert as_picture(content, max_pixels=120_000).shape == (300, 400, 3)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (np.zeros((4, 5, 2), np.uint8), ValueError, r"got \(4, 5, 2\)"),
        (np.zeros((0, 5, 3), np.uint8), ValueError, "must have pixels"),
        (np.zeros((4, 5, 3), np.float32), ValueError, "must be uint8"),
        (b"", ValueError, "empty file"),
        (b"GIF89a no", ValueError, "broken or no picture"),
        (5, TypeError, "got int"),
    ],
)
def test_what_is_no_picture_is_refused(given, error, message):
    with pytest.raises(error, match=message):
        as_picture(given)


def test_levels_that_are_no_whole_numbers_are_refused_and_not_cut_to_black(tmp_path):
    path = tmp_path / "float.tiff"
    cv2.imwrite(str(path), RGB[..., 0].astype(np.float32) / 255)
    with pytest.raises(ValueError, match="levels of type float32; save it with 8 or 16 bits"):
        read_picture(path)
    cv2.imwrite(str(path), RGB.astype(np.float32) / 255)  # Pillow reads grey levels of this kind only
    with pytest.raises(ValueError, match="save it as PNG with 8 or 16 bits"):
        read_picture(path)
    cv2.imwrite(str(path), RGB[..., ::-1])
    np.testing.assert_array_equal(read_picture(path), RGB)


def test_an_address_is_no_file():
    with pytest.raises(ValueError, match="is an address: download the picture"):
        as_picture("https://example.org/a.png")
