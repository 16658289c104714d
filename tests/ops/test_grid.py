import numpy as np
import pytest

from ovsam.ops.grid import Crop, crop_layers, point_grid, touches_inner_edge


def test_points_are_middles_of_cells():
    assert point_grid((20, 40), 2).tolist() == [[9.5, 4.5], [29.5, 4.5], [9.5, 14.5], [29.5, 14.5]]
    assert point_grid((1, 1), 1).tolist() == [[0, 0]]
    with pytest.raises(ValueError, match="1 or more"):
        point_grid((20, 40), 0)


def test_points_stay_inside():
    points = point_grid((3, 5), 9)
    assert (points >= 0).all()
    assert (points < [5, 3]).all()


@pytest.mark.parametrize("size", [(60, 100), (97, 61)])
def test_crops_cover_the_image_and_overlap(size):
    crops = crop_layers(size, 2, 0.3)
    assert [crop.layer for crop in crops] == [0] + [1] * 4 + [2] * 16
    for layer in (1, 2):
        seen = np.zeros(size, int)
        for crop in crops:
            if crop.layer == layer:
                assert 0 <= crop.left < crop.right <= size[1]
                assert 0 <= crop.top < crop.bottom <= size[0]
                seen[crop.top : crop.bottom, crop.left : crop.right] += 1
        assert seen.min() >= 1
    first, second = crops[1:3]  # of layer 1
    assert first.right - second.left == pytest.approx(0.3 * min(size), abs=2)


def test_bad_layers():
    with pytest.raises(ValueError, match="0 or more"):
        crop_layers((5, 5), -1, 0.1)
    with pytest.raises(ValueError, match="cannot be cut into 4 x 4"):
        crop_layers((3, 9), 2, 0.1)


def test_boxes_at_an_inner_edge_only():
    crop = Crop(left=0, top=10, right=30, bottom=40, layer=1)  # right edge inside the image of 60 x 40
    boxes = np.array([[0, 5, 9, 9], [20, 5, 30, 9], [3, 1, 9, 9], [3, 5, 9, 30]], np.float32)
    assert touches_inner_edge(boxes, crop, (40, 60), 1.0).tolist() == [False, True, True, False]
