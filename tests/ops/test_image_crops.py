"""Image crops: whole pixels, inside the image, square by stretch, pad or context."""

import pytest
import torch

from ovsam.ops.image_crops import crop_bounds, crop_images


@pytest.mark.parametrize(
    ("box", "margin", "aspect", "expected"),
    [
        ((2.2, 3.0, 9.9, 7.0), 0.0, "stretch", (2, 3, 10, 7)),
        ((2.0, 4.0, 10.0, 8.0), 0.25, "stretch", (0, 3, 12, 9)),
        ((2.0, 4.0, 10.0, 8.0), 0.0, "context", (2, 2, 10, 10)),
        ((0.0, 18.0, 8.0, 20.0), 0.0, "context", (0, 12, 8, 20)),  # shifted inside
        ((0.0, 0.0, 0.0, 0.0), 0.0, "stretch", (0, 0, 30, 20)),  # no area: the whole image
        ((float("nan"),) * 4, 0.0, "pad", (0, 0, 30, 20)),
        ((40.0, 40.0, 50.0, 50.0), 0.0, "stretch", (29, 19, 30, 20)),  # outside: one pixel
    ],
)
def test_bounds(box, margin, aspect, expected):
    assert crop_bounds(box, (20, 30), margin, aspect) == expected


def test_crop_shows_its_own_image_and_place():
    images = torch.zeros(2, 3, 16, 16)
    images[1, 0, 4:8, 8:12] = 200
    crops = crop_images(images, torch.tensor([1, 0]), [(8, 4, 12, 8)] * 2, 6, torch.zeros(3))
    assert crops.shape == (2, 3, 6, 6)
    torch.testing.assert_close(crops[0, 0], torch.full((6, 6), 200.0), atol=1e-3, rtol=0)
    assert crops[0, 1:].abs().sum() == 0
    assert crops[1].abs().sum() == 0


def test_padding_keeps_the_aspect():
    images = torch.full((1, 3, 16, 16), 100.0)
    crops = crop_images(
        images, torch.tensor([0]), [(0, 0, 16, 8)], 16, torch.tensor([9.0, 9, 9]), aspect="pad"
    )
    torch.testing.assert_close(crops[0, :, 0], torch.full((3, 16), 9.0))
    torch.testing.assert_close(crops[0, :, 8], torch.full((3, 16), 100.0))


def test_blanked_pixels_take_the_fill_colour():
    images = torch.full((1, 3, 8, 8), 100.0)
    keep = torch.zeros(1, 8, 8, dtype=torch.bool)
    keep[:, :, :4] = True
    crops = crop_images(images, torch.tensor([0]), [(0, 0, 8, 8)], 8, torch.tensor([1.0, 2, 3]), keep)
    assert crops[0, :, 0, 0].tolist() == [100, 100, 100]
    assert crops[0, :, 0, 7].tolist() == [1, 2, 3]


def test_shrinking_averages_instead_of_skipping():
    stripes = torch.zeros(1, 3, 64, 64)
    stripes[..., ::2] = 200
    crop = crop_images(stripes, torch.tensor([0]), [(0, 0, 64, 64)], 8, torch.zeros(3))
    assert (crop[0, :, :, 2:6] - 100).abs().max() < 10
