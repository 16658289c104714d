"""Masks as arrays: run-length codes, overlap, resizing. The tight box of a mask is in `ops.roi`."""

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from ovsam.interfaces import Size
from ovsam.ops.annotations import as_segmentation, packed_code, polygon_near_image

BoolArray = NDArray[np.bool_]
BAND_BYTES = 256 << 10  # of a mask, read once while it is in the cache of a core


def decode_segmentations(segmentations: Sequence[Any], size: Size) -> BoolArray:
    """Masks (n, H, W) bool of COCO's `segmentation` fields on an image of (H, W) px.

    A field holds polygons [x0, y0, x1, y1, ...] px or a run-length code; see
    `annotations.as_segmentation`, whose errors it raises. An empty field is an error, too.
    """
    if not segmentations:
        return np.zeros((0, *size), bool)
    codes = [_to_code(segmentation, size) for segmentation in segmentations]
    decoded = coco_mask.decode(codes)  # (H, W, n), n contiguous planes
    return decoded.transpose(2, 0, 1).view(bool)  # (H, W, n) -> (n, H, W)


def areas_of_segmentations(segmentations: Sequence[Any], size: Size) -> NDArray[np.int64]:
    """Pixels (n,) of each mask, without drawing it; arguments and errors of `decode_segmentations`."""
    if not segmentations:
        return np.zeros(0, np.int64)
    codes = [_to_code(segmentation, size) for segmentation in segmentations]
    return coco_mask.area(codes).astype(np.int64)


def encode_masks(masks: BoolArray) -> list[dict[str, Any]]:
    """(n, H, W) bool -> n compressed run-length codes whose counts are text (fit for JSON)."""
    if len(masks) == 0:
        return []
    planes = np.asfortranarray(masks.transpose(1, 2, 0).view(np.uint8))  # (n, H, W) -> (H, W, n)
    codes = coco_mask.encode(planes)
    return [{"size": list(code["size"]), "counts": code["counts"].decode()} for code in codes]


def paired_iou(first: BoolArray, second: BoolArray) -> NDArray[np.float64]:
    """IoU (n,) in 0..1 of mask i of (n, H, W) with mask i of the other set; 0 if both are empty."""
    if first.shape != second.shape:
        raise ValueError(f"masks must have one shape, got {first.shape} and {second.shape}")
    ious = np.zeros(len(first))
    if first.size == 0:
        return ious
    height, width = first.shape[1:]
    band = max(1, BAND_BYTES // width)
    both = np.empty((band, width), bool)
    for row, (one, other) in enumerate(zip(first, second, strict=True)):
        intersection = total = 0
        for top in range(0, height, band):
            a, b = one[top : top + band], other[top : top + band]
            intersection += _count(np.logical_and(a, b, out=both[: len(a)]))
            total += _count(a) + _count(b)
        ious[row] = intersection / (total - intersection) if total else 0.0
    return ious


def _count(masks: BoolArray) -> int:
    return cv2.countNonZero(masks.view(np.uint8))


def resize_masks(masks: BoolArray, size: Size) -> BoolArray:
    """(n, H, W) -> (n, *size) by the nearest pixel centre (no half-pixel shift); itself if it fits."""
    if masks.shape[1:] == tuple(size):
        return masks
    height, width = size
    resized = np.empty((len(masks), height, width), bool)
    for source, target in zip(masks.view(np.uint8), resized.view(np.uint8), strict=True):
        cv2.resize(source, (width, height), dst=target, interpolation=cv2.INTER_NEAREST_EXACT)
    return resized


def resize_values(values: NDArray, size: Size) -> NDArray:
    """(H, W) of any type to (h, w): the value at the middle of each new pixel."""
    rows = ((np.arange(size[0]) + 0.5) * values.shape[0] / size[0]).astype(np.int64)
    columns = ((np.arange(size[1]) + 0.5) * values.shape[1] / size[1]).astype(np.int64)
    return values[rows[:, None], columns[None, :]]


def _to_code(segmentation: Any, size: Size) -> Any:
    height, width = size
    found = as_segmentation(segmentation, size)
    if found is None:
        raise ValueError("segmentation is empty: neither a run-length code nor polygons of 3 points")
    if isinstance(found, Mapping):
        return packed_code(found)
    near = [polygon_near_image(polygon, size) for polygon in found]
    return coco_mask.merge(coco_mask.frPyObjects(near, height, width))
