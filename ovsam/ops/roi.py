"""Regions of interest: boxes of masks, and features inside boxes."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision.ops import roi_align

from ovsam.interfaces import Size
from ovsam.ops.lazy_maps import LazyMaps

FINEST_SCALE = 56  # side in px that the finest level is for, as in Lin et al., FPN, equation 1


def boxes_of_masks(masks: Tensor, cell_size: float = 1.0) -> Tensor:
    """The tight box around each mask (N, h, w) bool, whose cells have sides of `cell_size` px.

    (N, 4) float32 xyxy: [xmin, ymin, xmax + 1, ymax + 1] x cell_size; zeros for an empty mask.
    """
    left, right = _extent(masks.any(dim=1))
    top, bottom = _extent(masks.any(dim=2))
    return torch.stack([left, top, right, bottom], dim=1) * cell_size  # 4 x (N,) -> (N, 4)


def aligned_regions(
    features: Tensor, boxes: Tensor, image_index: Tensor, output_size: int, stride: float
) -> Tensor:
    """RoIAlign (aligned, adaptive sampling) on one map of a `stride` in px.

    Features (B, C, h, w), boxes (N, 4) xyxy px of the padded input and their images (N,) int64 ->
    (N, C, output_size, output_size) float32.
    """
    # In bf16 a coordinate of 1,000 px would be off by 2 px.
    rois = torch.cat([image_index[:, None].float(), boxes.float()], dim=1)  # (N, 5): image, xyxy
    return roi_align(
        features.float(), rois, output_size, spatial_scale=1 / stride, sampling_ratio=0, aligned=True
    )


def assign_levels(boxes: Tensor, num_levels: int, finest_scale: float = FINEST_SCALE) -> Tensor:
    """Level of boxes (N, 4) xyxy px: floor(log2(sqrt(area) / finest_scale)) in 0..num_levels - 1, (N,).

    Level 0 is the finest; boxes with sides below twice `finest_scale` px are on it.
    """
    width, height = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).unbind(dim=1)
    side = torch.sqrt(width * height)
    # 1e-6 keeps exact powers of two from falling one level short, as in mmdet.
    levels = torch.floor(torch.log2(side / finest_scale + 1e-6))
    return levels.clamp(min=0, max=num_levels - 1).to(torch.int64)


def multilevel_roi_align(
    feature_maps: Sequence[Tensor],
    strides: Sequence[int],
    boxes: Tensor,
    image_index: Tensor,
    output_size: int,
    finest_scale: float = FINEST_SCALE,
) -> Tensor:
    """`aligned_regions` of each box on the level of its size.

    Maps [(B, C, h_l, w_l)], finest first, with their strides in px; the others as in `aligned_regions`
    and `assign_levels`. Levels without boxes join the graph, too; of `LazyMaps` they are left out.

    Raises:
        ValueError: another number of strides than of maps.
    """
    if len(feature_maps) != len(strides):
        raise ValueError(f"every map needs its stride, got {len(feature_maps)} and {len(strides)}")
    if boxes.is_meta:  # shapes only
        return feature_maps[0].new_empty(len(boxes), feature_maps[0].shape[1], output_size, output_size)
    levels = assign_levels(boxes, len(feature_maps), finest_scale)
    regions, order = [], []
    for level, stride in enumerate(strides):
        rows = (levels == level).nonzero().flatten()
        if not isinstance(feature_maps, LazyMaps):
            features = feature_maps[level]
        elif len(rows) or (not len(boxes) and level == len(strides) - 1):  # a shape needs one map
            features = feature_maps.near(level, boxes[rows], image_index[rows], stride)
        else:
            continue
        regions.append(aligned_regions(features, boxes[rows], image_index[rows], output_size, stride))
        order.append(rows)
    return torch.cat(regions)[torch.cat(order).argsort()]


def _extent(occupied: Tensor) -> tuple[Tensor, Tensor]:
    """First occupied index and last + 1 along dim 1, (N, L) bool -> 2 x (N,) float32, zeros if none."""
    length = occupied.shape[1]
    index = torch.arange(length, device=occupied.device)
    first = torch.where(occupied, index, length).amin(dim=1)
    last = torch.where(occupied, index + 1, 0).amax(dim=1)
    return torch.where(occupied.any(dim=1), first, 0).to(torch.float32), last.to(torch.float32)


def cells_in_boxes(boxes: Tensor, grid: Size) -> Tensor:
    """Cells of a grid (h, w) whose middle lies in each box, or the nearest cell if no middle does.

    Boxes (N, 4) xyxy in 0..1 of the image that the grid covers -> (N, h, w) bool, each with a True.
    """
    rows = _middles_between(boxes[:, 1], boxes[:, 3], grid[0])
    columns = _middles_between(boxes[:, 0], boxes[:, 2], grid[1])
    return rows[:, :, None] & columns[:, None, :]  # (N, h), (N, w) -> (N, h, w)


def _middles_between(low: Tensor, high: Tensor, count: int) -> Tensor:
    """(N,), (N,) in 0..1 -> (N, count) bool."""
    middles = (torch.arange(count, device=low.device) + 0.5) / count
    inside = (middles > low[:, None]) & (middles < high[:, None])
    nearest = (middles - (low + high)[:, None] / 2).abs().argmin(dim=1, keepdim=True)
    return inside.scatter(1, nearest, True)
