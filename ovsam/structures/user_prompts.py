"""Clicks and boxes as people give them, checked and turned into `Prompts`."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ovsam.interfaces import Size
from ovsam.structures.prompts import Prompts


def prompts_from_user(
    points: Any = None, point_labels: Any = None, boxes: Any = None, *, size: Size
) -> Prompts:
    """N prompts on one image.

    A prompt is one or more clicks, a box, or a box with clicks (row by row). As in SAM, an array (P, 2)
    is one prompt of P clicks; give (N, 1, 2) for N prompts of one click each.

    Args:
        points: xy px, original: (2,) one click; (P, 2) the clicks of one prompt; (N, P, 2), or N
            arrays of (P_i, 2), of N prompts.
        point_labels: 1 inside or 0 outside of the object, without the last axis of `points`; all 1 if
            left out.
        boxes: xyxy px, original: (4,) one box, or (N, 4). What reaches far beyond the image is cut.
        size: (H, W) of the image.

    Returns:
        N prompts, frame `original`, `image_index` 0.

    Raises:
        ValueError: neither points nor boxes, wrong shapes or numbers of rows, a coordinate that is not a
            finite number, a click outside the image, a box without area or that does not touch the
            image, or a label other than 0 and 1.

    Example:
        >>> prompts = prompts_from_user([[5, 6], [7, 2]], [1, 0], [0, 0, 9, 9], size=(10, 12))
        >>> len(prompts), prompts.roles.tolist()
        (1, [[1, 0, 2, 3]])
    """
    if points is None and boxes is None:
        raise ValueError("nothing to segment: give points, boxes or both")
    if points is None and point_labels is not None:
        raise ValueError("point_labels without points")
    box_prompts = None if boxes is None else _boxes(boxes, size)
    if points is None:
        assert box_prompts is not None
        return box_prompts
    clicks = _clicks(points, point_labels, size)
    if box_prompts is None:
        parts = [Prompts.from_points(xy[None], "original", labels[None]) for xy, labels in clicks]
        return Prompts.concatenate(parts)
    if len(clicks) != len(box_prompts):
        raise ValueError(
            f"{len(clicks)} prompts of clicks and {len(box_prompts)} boxes: give a box for each"
        )
    parts = []
    for row, (xy, labels) in enumerate(clicks):
        # Clicks, then the box's corners, in SAM's order; with a box there is no padding token.
        box = box_prompts[row : row + 1]
        coordinates = torch.cat([xy[None], box.coordinates], dim=1)
        roles = torch.cat([labels[None], box.roles], dim=1)
        parts.append(replace(box, coordinates=coordinates, roles=roles))
    return Prompts.concatenate(parts)


def _boxes(boxes: Any, size: Size) -> Prompts:
    rows = _numbers(boxes, "boxes")
    rows = rows[None] if rows.ndim == 1 else rows
    if rows.ndim != 2 or rows.shape[1] != 4:
        raise ValueError(f"boxes must be (4,) or (N, 4) xyxy px, got {tuple(rows.shape)}")
    reversed_rows = (rows[:, 2:] < rows[:, :2]).any(dim=1)
    if reversed_rows.any():
        row = int(reversed_rows.nonzero()[0])
        raise ValueError(
            f"box {row} has its corners reversed; give left, top, right, bottom: {rows[row].tolist()}"
        )
    prompts = Prompts.from_boxes(rows, "original")
    height, width = size
    apart = (rows[:, 2] <= 0) | (rows[:, 3] <= 0) | (rows[:, 0] >= width) | (rows[:, 1] >= height)
    if apart.any():
        row = int(apart.nonzero()[0])
        raise ValueError(
            f"box {row} lies outside the image of {width} x {height} px: xyxy = {rows[row].tolist()}"
        )
    # Region features sample a box in proportion to its size: one of 1e9 px would take all memory.
    near = prompts.coordinates.clamp(-max(size), 2 * max(size))
    return replace(prompts, coordinates=near)


def _clicks(points: Any, labels: Any, size: Size) -> list[tuple[Tensor, Tensor]]:
    """[(P_i, 2) float32, (P_i,) int64] of every prompt."""
    rows = _rows(points, "points", 2)
    if not rows or any(row.ndim != 2 or row.shape[1] != 2 or len(row) == 0 for row in rows):
        shapes = [tuple(row.shape) for row in rows[:3]]
        raise ValueError(f"points must be (2,), (P, 2) or (N, P, 2) xy px, got rows of {shapes}")
    given = [torch.ones(len(row)) for row in rows]
    if labels is not None:
        given = [row.flatten() for row in _rows(labels, "point_labels", 1)]
    if len(given) != len(rows):
        raise ValueError(f"point_labels are for {len(given)} prompts, points for {len(rows)}")
    height, width = size
    for number, (xy, chosen) in enumerate(zip(rows, given, strict=True)):
        outside = ((xy < 0) | (xy >= xy.new_tensor([width, height]))).any(dim=1)
        if outside.any():
            x, y = xy[outside][0].tolist()
            raise ValueError(f"point ({x:g}, {y:g}) is outside the image of {width} x {height} px")
        if chosen.shape != (len(xy),):
            raise ValueError(f"prompt {number} has {len(xy)} points and {chosen.numel()} labels")
        if not ((chosen == 0) | (chosen == 1)).all():
            raise ValueError(f"point_labels must be 1 (inside) or 0 (outside), got {chosen.tolist()}")
    return [(xy, chosen.to(torch.int64)) for xy, chosen in zip(rows, given, strict=True)]


def _rows(values: Any, name: str, ndim: int) -> list[Tensor]:
    """The rows of prompts, which have `ndim` axes each; what lacks axes is one prompt."""
    has_rows = isinstance(values, (list, tuple)) and all(hasattr(row, "__len__") for row in values)
    if has_rows and len({len(row) for row in values}) > 1:
        return [_numbers(row, name) for row in values]
    array = _numbers(values, name)
    while array.ndim < ndim:
        array = array[None]
    return [array] if array.ndim == ndim else list(array)


def _numbers(values: Any, name: str) -> Tensor:
    """Any array of numbers as float32 on the CPU."""
    try:
        if isinstance(values, Tensor):
            array = values.detach().cpu().to(torch.float32)
        else:
            array = torch.from_numpy(np.asarray(values, dtype=np.float32))
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} must be numbers in rows of equal length, got {values!r:.80}") from None
    if not torch.isfinite(array).all():
        raise ValueError(f"{name} hold a coordinate that is not a finite number")
    return array
