"""Region head: mean of ReLU(1x1 conv(RoIAlign)) on the level of the box's size."""

import torch
from torchvision.ops import roi_align

from ovsam.models.decoders.region_head import RegionHead


def maps():
    return [torch.randn(2, 6, 64 // s, 64 // s) for s in (4, 8)]


def test_vector_is_the_mean_of_the_rectified_projection():
    head = RegionHead(in_channels=6, strides=(4, 8), embed_dim=5, roi_size=3, finest_scale=20)
    features = maps()
    boxes = torch.tensor([[4.0, 8.0, 20.0, 30.0], [0.0, 2.0, 60.0, 64.0]])  # sides 18.8 and 61.0 px
    image_index = torch.tensor([1, 0])
    vectors = head(features, boxes, image_index)
    for row, level, stride in ((0, 0, 4), (1, 1, 8)):
        region = roi_align(
            features[level][image_index[row]][None], [boxes[row][None]], 3, 1 / stride, 0, True
        )
        expected = torch.relu(head.projection(region)).mean(dim=(2, 3))[0]
        torch.testing.assert_close(vectors[row], expected)


def test_box_without_area_gives_zeros():
    head = RegionHead(in_channels=6, strides=(4, 8), embed_dim=5)
    vectors = head(maps(), torch.zeros(1, 4), torch.tensor([1]))
    assert vectors.shape == (1, 5)
    assert vectors.abs().sum() == 0


def test_levels_without_boxes_stay_in_the_graph():
    head = RegionHead(in_channels=6, strides=(4, 8), embed_dim=5)
    features = [m.requires_grad_() for m in maps()]
    head(features, torch.tensor([[0.0, 0.0, 9.0, 9.0]]), torch.tensor([0])).sum().backward()
    assert features[0].grad.abs().sum() > 0
    assert features[1].grad.abs().sum() == 0
