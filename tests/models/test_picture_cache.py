"""The cache of frozen parts: what is kept, and that it changes nothing."""

import torch

from ovsam.models.picture_cache import PictureCache

IMAGES = torch.rand(3, 3, 4, 4, generator=torch.Generator().manual_seed(0))


class Counted:
    """Two maps of a picture, and how often they were computed."""

    def __init__(self):
        self.calls = 0

    def __call__(self, image):
        assert image.shape == (1, 3, 4, 4)
        self.calls += 1
        return [image * 2, image.mean(dim=(2, 3))]


def test_a_picture_is_computed_once_and_found_by_its_pixels():
    compute, cache = Counted(), PictureCache(max_gib=1)
    first = cache(IMAGES, compute)
    again = cache(IMAGES[[2, 0]], compute)
    assert compute.calls == len(cache) == 3
    torch.testing.assert_close(first[0], IMAGES * 2, atol=2e-3, rtol=0)
    assert first[0].dtype == torch.float32
    for level, kept in zip(first, again, strict=True):
        assert torch.equal(level[[2, 0]], kept)
    cache(IMAGES.flip(-1), compute)
    assert compute.calls == 6  # flipped pictures are others


def test_a_full_cache_gives_what_an_empty_one_gives():
    one = 2 * (3 * 4 * 4 + 3)  # bytes of a picture's maps in half precision
    compute, full = Counted(), PictureCache(max_gib=one * 1.5 / 2**30)
    first, again = full(IMAGES, compute), full(IMAGES, compute)
    assert len(full) == 1
    assert compute.calls == 5
    wide = PictureCache(max_gib=1)(IMAGES, compute)
    for levels in zip(first, again, wide, strict=True):
        assert torch.equal(levels[0], levels[1])
        assert torch.equal(levels[0], levels[2])


def test_what_is_computed_in_another_way_is_kept_apart():
    cache = PictureCache(max_gib=0.1)
    images = torch.ones(1, 3, 4, 4)
    first = cache(images, lambda image: [image], "one")
    second = cache(images, lambda image: [image, image + 1], "two")
    assert (len(first), len(second), len(cache)) == (1, 2, 2)
    assert len(cache(images, lambda _: [], "one")) == 1
