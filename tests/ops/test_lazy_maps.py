"""Maps that are convolved where boxes look, against the whole of them."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ovsam.models.necks.pyramid import FeaturePyramid
from ovsam.models.outputs import ImageFeatures
from ovsam.ops import lazy_maps
from ovsam.ops.lazy_maps import LazyMaps
from ovsam.ops.roi import multilevel_roi_align

STRIDES = (4, 8, 16, 32)
SIDES = (64, 32, 16, 8)  # of a picture of 256 px
#: Small, at the border, beyond it, without area, wide, all of the picture.
BOXES = torch.tensor(
    [
        [3.0, 5, 30, 21], [200, 230, 256, 256], [-9, -4, 12, 8], [250, 120, 270, 140],
        [60, 60, 60, 60], [0, 100, 256, 110], [0, 0, 256, 256], [63.9, 64.1, 128.2, 127.7],
    ]
)  # fmt: skip


class Counting:
    """A 3x3 convolution that counts the cells it gives."""

    def __init__(self):
        self.weight, self.bias, self.cells = torch.randn(5, 3, 3, 3), torch.randn(5), 0

    def __call__(self, maps, padding):
        found = F.conv2d(maps, self.weight, self.bias, padding=padding)
        self.cells += found[:, 0].numel()
        return found


@pytest.fixture
def maps():
    inputs = [torch.randn(2, 3, side, side) for side in SIDES]
    return LazyMaps(inputs, [Counting() for _ in SIDES])


def whole(maps):
    return [
        F.conv2d(x, c.weight, c.bias, padding=1)
        for x, c in zip(maps.inputs, maps.convolutions, strict=True)
    ]


@pytest.mark.parametrize("image", [0, 1])
@pytest.mark.parametrize("number", range(len(BOXES)))
def test_regions_are_those_of_whole_maps(maps, number, image):
    boxes, index = BOXES[number : number + 1], torch.tensor([image])
    found = multilevel_roi_align(maps, STRIDES, boxes, index, 7)
    torch.testing.assert_close(found, multilevel_roi_align(whole(maps), STRIDES, boxes, index, 7))


def test_all_regions_at_once_and_one_after_the_other(maps):
    index = torch.arange(len(BOXES)) % 2
    expected = multilevel_roi_align(whole(maps), STRIDES, BOXES, index, 7)
    singly = [
        multilevel_roi_align(maps, STRIDES, b[None], i[None], 7)
        for b, i in zip(BOXES, index, strict=True)
    ]
    torch.testing.assert_close(torch.cat(singly), expected)
    torch.testing.assert_close(multilevel_roi_align(maps, STRIDES, BOXES, index, 7), expected)
    none = multilevel_roi_align(maps, STRIDES, BOXES[:0], index[:0], 7)
    assert none.shape == (0, 5, 7, 7)


def test_only_new_tiles_that_boxes_touch_are_convolved(maps):
    finest = maps.convolutions[0]
    one = torch.zeros(1, dtype=torch.int64)
    maps.near(0, torch.tensor([[10.0, 10, 40, 40]]), one, 4)
    assert finest.cells == 16 * 16  # a tile is 64 px
    maps.near(0, torch.tensor([[20.0, 30, 50, 44]]), one, 4)
    assert finest.cells == 16 * 16
    maps.near(0, torch.tensor([[100.0, 10, 150, 40]]), one, 4)  # two more
    assert finest.cells == 3 * 16 * 16
    maps.near(0, torch.tensor([[10.0, 10, 40, 40]]), one + 1, 4)  # of the other picture
    assert finest.cells == 4 * 16 * 16
    assert all(level.cells == 0 for level in maps.convolutions[1:])


def test_most_of_a_map_is_convolved_as_a_whole(maps):
    boxes = torch.tensor([[0.0, 0, 256, 256]]).repeat(2, 1)
    found = maps.near(0, boxes, torch.tensor([0, 1]), 4)
    assert found is maps[0]
    assert maps.convolutions[0].cells == 2 * 64 * 64
    torch.testing.assert_close(found, whole(maps)[0])
    assert [level.shape for level in maps] == [(2, 5, side, side) for side in SIDES]
    assert len(maps[1:3]) == 2


def test_a_level_whose_side_has_no_whole_tiles_is_convolved_as_a_whole():
    maps = LazyMaps([torch.randn(1, 3, 72, 72)], [Counting()])
    found = maps.near(0, BOXES[:1], torch.zeros(1, dtype=torch.int64), 4)
    torch.testing.assert_close(found, whole(maps)[0])


def test_features_of_one_image_stay_lazy(maps):
    features = ImageFeatures(torch.zeros(2, 3, 8, 8), torch.zeros(2, 1, 2, 2), pyramid_maps=maps)
    second = features.image(1).pyramid_maps
    assert isinstance(second, LazyMaps)
    assert all(level.cells == 0 for level in maps.convolutions)
    torch.testing.assert_close(second[0], whole(maps)[0][1:])


def test_a_pyramid_waits_only_where_no_gradient_and_no_autocast_is():
    pyramid = FeaturePyramid(in_channels=(3, 5), strides=(4, 8), out_channels=6)
    levels = [torch.randn(1, 3, 64, 64), torch.randn(1, 5, 32, 32)]
    trained = pyramid(levels)
    assert isinstance(trained, list)
    with torch.no_grad():
        waiting = pyramid(levels)
        assert isinstance(waiting, LazyMaps)
        torch.testing.assert_close(list(waiting), [level.detach() for level in trained])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert isinstance(pyramid(levels), list)
        pyramid.is_fast = False
        assert isinstance(pyramid(levels), list)
        pyramid.is_fast = True
        meta = nn.Module.to(pyramid, "meta")([level.to("meta") for level in levels])
        assert isinstance(meta, list)


def test_tiles_are_smaller_than_the_least_map_that_has_them():
    assert lazy_maps.MIN_SIDE >= 2 * lazy_maps.TILE
