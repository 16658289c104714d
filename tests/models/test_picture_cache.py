"""The cache of frozen parts: what is kept, and that it changes nothing."""

import pytest
import torch
from torch import nn

from ovsam.models.picture_cache import PictureCache

IMAGES = torch.rand(3, 3, 4, 4, generator=torch.Generator().manual_seed(0))


class Counted(nn.Module):
    """Two maps of a picture, and how often they were computed."""

    def __init__(self, factor=2.0):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))
        self.calls = 0

    def forward(self, image):
        assert image.shape == (1, 3, 4, 4)
        self.calls += 1
        return [image * self.factor, image.mean(dim=(2, 3))]


class Sum(nn.Module):
    """One map from those of `Counted`."""

    calls = 0

    def forward(self, maps):
        self.calls += 1
        return maps[0] + maps[1][:, :, None, None]


@pytest.fixture(params=["memory", "folder"])
def make(request, tmp_path):
    """A new cache of so many GiB; those with a folder share it."""

    def one(max_gib=1):
        cache = PictureCache(max_gib=max_gib)
        if request.param == "folder":
            cache.keep_in(tmp_path / "kept")
        return cache

    return one


def test_a_picture_is_computed_once_and_found_by_its_pixels(make):
    part, cache = Counted(), make()
    first = cache(IMAGES, part)
    again = cache(IMAGES[[2, 0]], part)
    assert part.calls == len(cache) == 3
    torch.testing.assert_close(first[0], IMAGES * 2, atol=2e-3, rtol=0)
    assert first[0].dtype == torch.float32
    assert not first[0].requires_grad
    for level, kept in zip(first, again, strict=True):
        assert torch.equal(level[[2, 0]], kept)
    cache(IMAGES.flip(-1), part)
    assert part.calls == 6  # flipped pictures are others


def test_parts_in_a_chain_read_what_was_kept_before_them(make):
    first, second, cache = Counted(), Sum(), make()
    alone = cache(IMAGES, first)
    maps = cache(IMAGES, first, second)
    assert (first.calls, second.calls) == (3, 3)
    assert len(maps) == 3
    for level, one in zip(alone, maps[:2], strict=True):
        assert torch.equal(level, one)
    assert torch.equal(maps[2], (maps[0] + maps[1][:, :, None, None]).half().float())


def test_other_weights_are_another_part(make):
    cache = make()
    twice, thrice = (cache(IMAGES, Counted(factor))[0] for factor in (2.0, 3.0))
    torch.testing.assert_close(thrice, twice * 1.5, atol=4e-3, rtol=0)
    assert len(cache) == 6


def test_a_full_cache_gives_what_an_empty_one_gives(make):
    one = 2 * (3 * 4 * 4 + 3)  # bytes of a picture's maps in half precision
    part, full = Counted(), make(one * 1.5 / 2**30)
    first, again = full(IMAGES, part), full(IMAGES, part)
    assert len(full) == 1
    assert part.calls == 5
    wide = make()(IMAGES, part)
    for levels in zip(first, again, wide, strict=True):
        assert torch.equal(levels[0], levels[1])
        assert torch.equal(levels[0], levels[2])


def test_another_run_finds_the_files_and_counts_them(tmp_path):
    part, later, one, other = Counted(), Counted(), PictureCache(max_gib=1), PictureCache(max_gib=1)
    one.keep_in(tmp_path / "kept")
    first = one(IMAGES, part)
    other.keep_in(tmp_path / "kept")
    again = other(IMAGES, later)
    assert later.calls == 0
    assert other.bytes_left < 2**30
    for level, kept in zip(first, again, strict=True):
        assert torch.equal(level, kept)
    assert [path.name[:1] for path in (tmp_path / "kept").glob("*/.*")] == []  # no half-written files
