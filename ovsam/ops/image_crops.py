"""Crops of images in whole pixels, resized with antialiasing for an encoder's own input size."""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from ovsam.interfaces import Size

#: How a crop becomes square: `stretch` it, `pad` it with the fill colour, or take in more `context`.
Aspect = Literal["stretch", "pad", "context"]
Bounds = tuple[int, int, int, int]


def crop_bounds(box: Sequence[float], image_size: Size, margin: float, aspect: Aspect) -> Bounds:
    """The pixels (x0, y0, x1, y1) that a crop takes: inside the image, at least one.

    Args:
        box: xyxy px; the crop of a box that is empty or not finite is the whole image.
        image_size: (h, w) in px.
        margin: added on every side, as a share of the box's own side.
        aspect: `context` enlarges the shorter side to the longer one, inside the image.
    """
    height, width = image_size
    x0, y0, x1, y1 = box
    if not all(map(math.isfinite, box)) or x1 <= x0 or y1 <= y0:
        return 0, 0, width, height
    wide, high = (x1 - x0) * (1 + 2 * margin), (y1 - y0) * (1 + 2 * margin)
    if aspect == "context":
        wide = high = max(wide, high)
    left, right = _span((x0 + x1) / 2, wide, width, shift=aspect == "context")
    top, bottom = _span((y0 + y1) / 2, high, height, shift=aspect == "context")
    return left, top, right, bottom


def crop_images(
    images: Tensor,
    image_index: Tensor,
    bounds: Sequence[Bounds],
    size: int,
    fill: Tensor,
    keep: Tensor | None = None,
    aspect: Aspect = "stretch",
) -> Tensor:
    """Crops resized with antialiasing: (B, 3, S, S) in 0..255 -> (N, 3, size, size) in 0..255.

    Args:
        image_index: (N,) int64, image of each crop.
        bounds: N x (x0, y0, x1, y1) px, each with area.
        fill: (3,) colour for `pad` and for blanked pixels, 0..255.
        keep: (N, S, S) bool, pixels that are not blanked; None keeps all.
    """
    crops = [images.new_zeros(0, 3, size, size)]
    colour = fill.to(images)[:, None, None]
    for row, (x0, y0, x1, y1) in enumerate(bounds):
        crop = images[image_index[row], :, y0:y1, x0:x1]
        if keep is not None:
            crop = torch.where(keep[row, y0:y1, x0:x1], crop, colour)
        if aspect == "pad":
            crop = _padded_to_square(crop, colour)
        resized = F.interpolate(crop[None], (size, size), mode="bicubic", antialias=True)
        crops.append(resized.clamp(0, 255))
    return torch.cat(crops)


def _span(centre: float, length: float, limit: int, shift: bool) -> tuple[int, int]:
    """Whole pixels around `centre` inside 0..limit; `shift` moves the span inside before cutting."""
    start, end = centre - length / 2, centre + length / 2
    if shift:
        move = max(-start, 0) - max(end - limit, 0)
        start, end = start + move, end + move
    # 1e-3 px forgives the rounding of float32 coordinates.
    first = min(max(math.floor(start + 1e-3), 0), limit - 1)
    last = max(min(math.ceil(end - 1e-3), limit), first + 1)
    return first, last


def _padded_to_square(crop: Tensor, colour: Tensor) -> Tensor:
    """(3, h, w) -> (3, s, s), s the longer side, the crop in the middle."""
    height, width = crop.shape[-2:]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    square = colour.expand(-1, side, side).clone()
    square[:, top : top + height, left : left + width] = crop
    return square
