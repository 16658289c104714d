"""Regions of interest: boxes of masks, levels, order."""

import torch
from torchvision.ops import roi_align

from ovsam.ops.roi import assign_levels, boxes_of_masks, cells_in_boxes, multilevel_roi_align


def test_box_of_a_mask_is_scaled_and_half_open():
    masks = torch.zeros(3, 5, 7, dtype=torch.bool)
    masks[0, 1, 2] = True
    masks[1, 0:4, 3:7] = True
    boxes = boxes_of_masks(masks, cell_size=4)
    assert boxes.tolist() == [[8, 4, 12, 8], [12, 0, 28, 16], [0, 0, 0, 0]]


def test_no_masks_give_no_boxes():
    assert boxes_of_masks(torch.zeros(0, 5, 7, dtype=torch.bool)).shape == (0, 4)


def test_levels_change_at_powers_of_two_and_are_clamped():
    sides = torch.tensor([1.0, 55.9, 56.0, 111.9, 112.0, 224.0, 448.0, 5000.0])
    boxes = torch.stack([torch.zeros(8), torch.zeros(8), sides, sides], dim=1)
    assert assign_levels(boxes, 4).tolist() == [0, 0, 0, 0, 1, 2, 3, 3]
    assert assign_levels(boxes, 4, finest_scale=28).tolist() == [0, 0, 1, 1, 2, 3, 3, 3]
    assert assign_levels(torch.zeros(1, 4), 4).tolist() == [0]


def test_rows_keep_their_order_across_levels():
    maps = [torch.randn(2, 3, 32, 32), torch.randn(2, 3, 16, 16)]
    boxes = torch.tensor([[0.0, 0, 120, 120], [4, 4, 20, 20], [8, 0, 128, 100], [0, 0, 30, 9]])
    image_index = torch.tensor([0, 1, 1, 0])
    regions = multilevel_roi_align(maps, (4, 8), boxes, image_index, 2, finest_scale=28)
    for row, level in enumerate((1, 0, 1, 0)):
        expected = roi_align(
            maps[level][image_index[row]][None], [boxes[row][None]], 2, 1 / (4, 8)[level], 0, True
        )
        torch.testing.assert_close(regions[row], expected[0])


def test_cells_in_boxes_are_those_whose_middle_is_inside_or_the_nearest():
    boxes = torch.tensor([[0.0, 0.0, 0.5, 1.0], [0.4, 0.4, 0.45, 0.45], [0.9, 0.0, 1.0, 0.3]])
    cells = cells_in_boxes(boxes, (2, 4))
    assert cells[0].tolist() == [[True, True, False, False]] * 2
    assert cells[1].nonzero().tolist() == [[0, 1]]
    assert cells[2].nonzero().tolist() == [[0, 3]]
