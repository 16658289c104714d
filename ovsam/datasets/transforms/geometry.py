"""Steps that move pixels of image, boxes and masks together."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from numpy.typing import NDArray

from ovsam.interfaces import Size
from ovsam.ops.masks import resize_masks
from ovsam.ops.roi import boxes_of_masks
from ovsam.registry import TRANSFORMS


def resized_shape(shape: Size, size: float) -> Size:
    """(h, w) with the long side at `size` px; each side is int(x + 0.5), as SAM rounds."""
    scale = size / max(shape)
    return max(int(shape[0] * scale + 0.5), 1), max(int(shape[1] * scale + 0.5), 1)


@TRANSFORMS.register_module()
@dataclass(kw_only=True, eq=False)
class ResizeLongSide(BaseTransform):
    """Resizes to a long side of `size` px: area average down, bilinear up, masks nearest."""

    size: int
    keep_original_masks: bool = False  # of the frame original as `original_masks`, for metrics

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Resize what is there; a picture without instances is fine."""
        if self.keep_original_masks and "masks" in results:
            results["original_masks"] = results["masks"]
        shape = resized_shape(results["img"].shape[:2], self.size)
        if "masks" in results:
            results["masks"] = resize_masks(results["masks"], shape)
        return _resize_image(results, shape)


@TRANSFORMS.register_module()
@dataclass(kw_only=True, eq=False)
class RandomFlip(BaseTransform):
    """Mirrors left and right with some probability, 0..1."""

    probability: float = 0.5

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Flip image, boxes and masks, or nothing; sets `is_flipped`."""
        results["is_flipped"] = bool(results["rng"].random() < self.probability)
        if not results["is_flipped"]:
            return results
        width = results["img"].shape[1]
        results["img"] = results["img"][:, ::-1]
        if "sem_seg" in results:
            results["sem_seg"] = results["sem_seg"][:, ::-1]
        if "masks" in results:
            boxes = results["bboxes"].copy()
            boxes[:, [0, 2]] = width - results["bboxes"][:, [2, 0]]
            results.update(bboxes=boxes, masks=results["masks"][:, :, ::-1])
        return results


@TRANSFORMS.register_module()
@dataclass(kw_only=True, eq=False)
class RandomResizeCrop(BaseTransform):
    """Resizes the long side to a random multiple of `size`, then cuts a random window of `size`.

    Instances with few pixels left are dropped. A box that the window cuts becomes the tight box of
    what is left of the mask. Without an instance there is no sample (None).

    Source: Open-Vocabulary SAM, training of CLIP2SAM: ratio 0.9-2.0 (COCO), 0.1-2.0 (LVIS).
    """

    size: int  # side of the window, px
    ratio_range: tuple[float, float] = (0.9, 2.0)  # of the long side to `size`, uniform
    min_mask_area: int = 32  # px of a mask after the cut

    def transform(self, results: dict[str, Any]) -> dict[str, Any] | None:
        """Resize and cut image, boxes and masks."""
        rng: np.random.Generator = results["rng"]
        ratio = rng.uniform(*self.ratio_range)
        shape = resized_shape(results["img"].shape[:2], self.size * ratio)
        top = int(rng.integers(max(shape[0] - self.size, 0) + 1))
        left = int(rng.integers(max(shape[1] - self.size, 0) + 1))
        window = slice(top, top + self.size), slice(left, left + self.size)
        if "masks" in results:  # before the image, whose size they have
            masks = _resize_masks_in(results["masks"], shape, *window)
        results = _resize_image(results, shape)
        results["img"] = results["img"][window]
        results["img_shape"] = results["img"].shape[:2]
        if "masks" not in results:
            return results
        kept = np.count_nonzero(masks, axis=(1, 2)) >= max(self.min_mask_area, 1)
        if not kept.any():
            return None
        boxes = _cut_boxes(results["bboxes"][kept], masks[kept], left=left, top=top)
        results.update(masks=masks[kept], bboxes=boxes, labels=results["labels"][kept])
        return results


def _cut_boxes(boxes: NDArray[np.float32], masks: NDArray[np.bool_], left: int, top: int) -> NDArray:
    """Boxes (n, 4) in the frame of the window; those that it cuts are taken from the masks."""
    height, width = masks.shape[1:]
    moved = boxes - np.array([left, top, left, top], np.float32)
    is_cut = ((moved[:, :2] < 0) | (moved[:, 2:] > (width, height))).any(axis=1)
    if is_cut.any():
        moved[is_cut] = boxes_of_masks(torch.from_numpy(masks[is_cut])).numpy()
    return moved


def _resize_masks_in(
    masks: NDArray[np.bool_], shape: Size, rows: slice, columns: slice
) -> NDArray[np.bool_]:
    """(n, h, w) bool: what `resize_masks` to `shape` gives inside a window, and nothing else of it.

    Pictures of LVIS have hundreds of instances: whole masks at ratio 2 would take a gigabyte.
    """
    if masks.shape[1:] == tuple(shape):
        return masks[:, rows, columns]
    sources = [
        cv2.resize(
            np.arange(old, dtype=np.float32)[None], (new, 1), interpolation=cv2.INTER_NEAREST_EXACT
        )[0].astype(np.intp)
        for old, new in zip(masks.shape[1:], shape, strict=True)
    ]
    return masks.take(sources[1][columns], axis=2).take(sources[0][rows], axis=1)


def _resize_image(results: dict[str, Any], shape: Size) -> dict[str, Any]:
    """Image and boxes to (h, w); the masks are left as they are."""
    old = results["img"].shape[:2]
    if shape == tuple(old):
        return results
    factor = shape[1] / old[1], shape[0] / old[0]
    # cv2's bilinear skips pixels when it reduces, and its average does not enlarge.
    rule = cv2.INTER_AREA if max(factor) < 1 else cv2.INTER_LINEAR
    results["img"] = cv2.resize(results["img"], (shape[1], shape[0]), interpolation=rule)
    results["img_shape"] = shape
    previous = results["scale_factor"]
    results["scale_factor"] = (previous[0] * factor[0], previous[1] * factor[1])
    if "bboxes" in results:
        results["bboxes"] = results["bboxes"] * np.array(factor * 2, np.float32)
    return results
