"""Crops of images around boxes, the input of crop classification."""

import torch
from torch import Tensor
from torchvision.ops import roi_align


def square_boxes(boxes: Tensor, context: float = 1.0) -> Tensor:
    """Squares around the centres of boxes, so that a crop keeps the proportions of its object.

    Args:
        boxes: (N, 4) xyxy px.
        context: side of the square over the longer side of the box.

    Returns:
        (N, 4) xyxy px; may reach beyond the image.
    """
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).amax(dim=1, keepdim=True) * (context / 2)
    return torch.cat([centres - half, centres + half], dim=1)  # 2 x (N, 2) -> (N, 4)


def crop_boxes(images: Tensor, boxes: Tensor, image_index: Tensor, size: int) -> Tensor:
    """What is inside each box, resized bilinearly (averaged where it shrinks).

    Args:
        images: (B, 3, H, W) normalised.
        boxes: (N, 4) xyxy px of `images`. What lies beyond the image is 0, the mean colour.
        image_index: (N,) int64, image of each box.
        size: side of the crops in px.

    Returns:
        (N, 3, size, size).
    """
    rois = torch.cat([image_index[:, None].to(boxes), boxes], dim=1)  # (N, 5): image, xyxy
    return roi_align(images, rois.to(images), size, spatial_scale=1.0, sampling_ratio=0, aligned=True)
