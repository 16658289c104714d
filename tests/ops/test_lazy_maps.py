"""Maps that are convolved where boxes look, against the whole of them."""

import copy
import pickle

import pytest
import torch
from torch.nn import functional as F

from ovsam.models.necks.pyramid import FeaturePyramid
from ovsam.models.outputs import ImageFeatures
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
INDEX = torch.arange(len(BOXES)) % 2
FIRST = torch.zeros(1, dtype=torch.int64)


class Counting:
    """A 3x3 convolution that counts its calls and the cells it gives."""

    def __init__(self):
        self.weight, self.bias, self.cells, self.calls = torch.randn(5, 3, 3, 3), torch.randn(5), 0, 0

    def __call__(self, maps):
        found = F.conv2d(maps, self.weight, self.bias)
        self.cells += found[:, 0].numel()
        self.calls += 1
        return found


class Case:
    """Maps, their convolutions, and what these give of whole inputs."""

    def __init__(self, sides=SIDES):
        inputs = [torch.randn(2, 3, side, side) for side in sides]
        self.convolutions = [Counting() for _ in sides]
        self.maps = LazyMaps(inputs, self.convolutions)
        parts = zip(inputs, self.convolutions, strict=True)
        self.whole = [F.conv2d(maps, c.weight, c.bias, padding=1) for maps, c in parts]


@pytest.fixture
def case():
    return Case()


def regions(maps, boxes=BOXES, index=INDEX):
    return multilevel_roi_align(maps, STRIDES, boxes, index, 7)


@pytest.mark.parametrize("image", [0, 1])
@pytest.mark.parametrize("number", range(len(BOXES)))
def test_regions_are_those_of_whole_maps(case, number, image):
    where = BOXES[number : number + 1], torch.tensor([image])
    torch.testing.assert_close(regions(case.maps, *where), regions(case.whole, *where))


def test_all_regions_at_once_and_one_after_the_other(case):
    expected = regions(case.whole)
    singly = [regions(case.maps, *where) for where in zip(BOXES.split(1), INDEX.split(1), strict=True)]
    torch.testing.assert_close(torch.cat(singly), expected)
    torch.testing.assert_close(regions(case.maps), expected)


def test_no_boxes_need_the_shape_of_one_map_only(case):
    assert regions(case.maps, BOXES[:0], INDEX[:0]).shape == (0, 5, 7, 7)
    assert [convolution.calls for convolution in case.convolutions] == [0, 0, 0, 1]


def test_only_new_tiles_that_boxes_touch_are_convolved(case):
    finest, near = case.convolutions[0], case.maps.near
    near(0, torch.tensor([[10.0, 10, 40, 40]]), FIRST, 4)
    assert (finest.cells, finest.calls) == (16 * 16, 1)  # a tile is 64 px
    near(0, torch.tensor([[20.0, 30, 50, 44]]), FIRST, 4)
    assert (finest.cells, finest.calls) == (16 * 16, 1)
    near(0, torch.tensor([[100.0, 10, 150, 40]]), FIRST, 4)  # two more
    assert finest.cells == 3 * 16 * 16
    near(0, torch.tensor([[10.0, 10, 40, 40]]), FIRST + 1, 4)  # of the other picture
    assert finest.cells == 4 * 16 * 16
    assert not any(level.calls for level in case.convolutions[1:])


def test_most_of_a_map_is_convolved_as_a_whole(case):
    boxes = torch.tensor([[0.0, 0, 256, 256]]).repeat(2, 1)
    found = case.maps.near(0, boxes, torch.tensor([0, 1]), 4)
    assert found is case.maps[0]
    assert case.convolutions[0].cells == 2 * 64 * 64
    for one, expected in zip(case.maps, case.whole, strict=True):
        torch.testing.assert_close(one, expected)
    torch.testing.assert_close(case.maps[1:3], case.whole[1:3])


def test_a_level_without_whole_tiles_is_convolved_as_a_whole():
    case = Case(sides=(72,))
    found = case.maps.near(0, BOXES[:1], FIRST, 4)
    torch.testing.assert_close(found, case.whole[0])


@pytest.mark.parametrize("asked", ["nothing", "tiles", "all"])
def test_features_of_one_image_stay_lazy(case, asked):
    features = ImageFeatures(torch.zeros(2, 3, 8, 8), torch.zeros(2, 1, 2, 2), pyramid_maps=case.maps)
    if asked == "tiles":
        case.maps.near(0, BOXES[:1], FIRST, 4)
    elif asked == "all":
        assert len(list(case.maps)) == 4
    before = [convolution.calls for convolution in case.convolutions]
    second = features.image(1).pyramid_maps
    assert isinstance(second, LazyMaps)
    assert [convolution.calls for convolution in case.convolutions] == before
    torch.testing.assert_close(list(second), [level[1:] for level in case.whole])


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda maps: pickle.loads(pickle.dumps(maps))])
def test_copies_are_whole_maps(case, copied):
    case.maps.near(0, BOXES[:1], FIRST, 4)
    torch.testing.assert_close(copied(case.maps), case.whole)


@pytest.mark.parametrize("number", [0, 6])  # tiles, and a whole map
def test_what_one_mode_keeps_serves_another(case, number):
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        case.maps.near(0, BOXES[number : number + 1], FIRST, 4)
    torch.testing.assert_close(regions(case.maps), regions(case.whole))


def test_maps_made_in_inference_mode_are_read_outside():
    with torch.inference_mode():
        case = Case()
    torch.testing.assert_close(regions(case.maps), regions([level.clone() for level in case.whole]))


def test_every_map_needs_its_stride(case):
    for maps in (case.maps, case.whole):
        with pytest.raises(ValueError, match="got 4 and 3"):
            multilevel_roi_align(maps, STRIDES[:3], BOXES, INDEX, 7)


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
        assert isinstance(pyramid.to("meta")([level.to("meta") for level in levels]), list)
