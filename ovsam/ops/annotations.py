"""What people's annotations hold, checked and brought into one form before compiled code sees it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from reprlib import repr as short
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from ovsam.interfaces import Size

Corners = tuple[float, float, float, float]
FAR = 1e100  # coordinates that are farther away overflow when they are cut


def corners_of_box(box: Any, size: Size) -> Corners | None:
    """A box [x, y, w, h] px as xyxy inside the image; None without area or with a number not finite."""
    if not isinstance(box, (list, tuple)) or not are_numbers(box) or len(box) != 4:
        raise ValueError(f"bbox must be [x, y, w, h], got {short(box)}")
    if not are_finite(box):
        return None
    x, y, w, h = box
    corners = (max(x, 0.0), max(y, 0.0), min(x + w, float(size[1])), min(y + h, float(size[0])))
    return corners if corners[2] > corners[0] and corners[3] > corners[1] else None


def are_numbers(values: Iterable[Any]) -> bool:
    """Whether all are numbers, which True and False are not."""
    return all(issubclass(k, (int, float)) and k is not bool for k in set(map(type, values)))


def are_finite(numbers: Sequence[float]) -> bool:
    """Whether all are finite, and so small that one can calculate with them."""
    return max(map(abs, numbers), default=0) < FAR and not math.isnan(sum(numbers))


def as_segmentation(given: Any, size: Size) -> Any:
    """A `segmentation` of COCO's format, in one of its two forms; None where there is no content.

    It is a run-length code for an image of (H, W) px, or polygons [x0, y0, x1, y1, ...], of which those
    with three points or more remain. Some tools write one polygon alone, or polygons of pairs [x, y].

    Raises:
        ValueError: another form, a coordinate that is not finite, or a code that is not of the image.
    """
    if given is None or given in ([], {}):
        return None
    if isinstance(given, Mapping):
        return None if given.get("counts") in ("", []) else _checked_code(given, size)
    if not isinstance(given, list):
        raise ValueError(
            "segmentation is neither a run-length code nor a list of polygons [x0, y0, x1, y1, ...],"
            f" got {short(given)}"
        )
    polygons = [given] if are_numbers(given) or _are_pairs(given) else given
    return [p for p in map(_flat_polygon, polygons) if len(p) >= 6] or None


def bounds_of_segmentation(segmentation: Any) -> Corners:
    """xyxy px around what `as_segmentation` returned, not cut at the image."""
    if isinstance(segmentation, Mapping):
        x, y, w, h = coco_mask.toBbox(packed_code(segmentation)).tolist()
        return x, y, x + w, y + h
    xs, ys = [p[0::2] for p in segmentation], [p[1::2] for p in segmentation]
    return min(map(min, xs)), min(map(min, ys)), max(map(max, xs)), max(map(max, ys))


def packed_code(code: Mapping[str, Any]) -> Any:
    """A run-length code in the form that pycocotools takes."""
    if isinstance(code["counts"], list):
        return coco_mask.frPyObjects(dict(code), *code["size"])
    return {"size": list(code["size"]), "counts": code["counts"]}


def polygon_near_image(polygon: Sequence[float], size: Size) -> Sequence[float]:
    """A polygon cut at one image size around the image, so that drawing it takes little memory.

    Source: Sutherland and Hodgman, Reentrant polygon clipping, 1974.
    """
    bounds = [(0, 1.0, 2.0 * size[1]), (0, -1.0, size[1]), (1, 1.0, 2.0 * size[0]), (1, -1.0, size[0])]
    beyond = [
        (axis, sign, bound)
        for axis, sign, bound in bounds
        if max(sign * value for value in polygon[axis::2]) > bound
    ]
    if not beyond:
        return polygon
    points = list(zip(polygon[0::2], polygon[1::2], strict=True))
    for axis, sign, bound in beyond:
        points = _cut(points, axis, sign, bound)
    return [value for point in points for value in point] or [0.0] * 6


def _cut(points: list, axis: int, sign: float, bound: float) -> list:
    """The part of a polygon where `sign` times the coordinate is at most `bound`."""
    kept = []
    for start, end in zip(points, points[1:] + points[:1], strict=True):
        ways = sign * start[axis], sign * end[axis]
        if ways[0] <= bound:
            kept.append(start)
        if (ways[0] <= bound) != (ways[1] <= bound):
            share = (bound - ways[0]) / (ways[1] - ways[0])
            crossing = [a + share * (b - a) for a, b in zip(start, end, strict=True)]
            crossing[axis] = sign * bound
            kept.append(tuple(crossing))
    return kept


def _flat_polygon(given: Any) -> list[float]:
    flat = [value for pair in given for value in pair] if _are_pairs(given) else given
    if not isinstance(flat, list) or len(flat) % 2 or not are_numbers(flat):
        raise ValueError(
            f"a polygon needs 3 points or more, as [x0, y0, x1, y1, ...], got {short(given)}"
        )
    if not are_finite(flat):
        raise ValueError(f"a polygon has a coordinate that is not a finite number: {short(given)}")
    return flat


def _are_pairs(given: Any) -> bool:
    return isinstance(given, list) and all(isinstance(p, (list, tuple)) and len(p) == 2 for p in given)


def _checked_code(code: Mapping[str, Any], size: Size) -> Mapping[str, Any]:
    given = code.get("size")
    found = tuple(given) if isinstance(given, (list, tuple)) else given
    if found != tuple(size):
        raise ValueError(f"run-length code is for (h, w) = {found}, the image has {tuple(size)}")
    counts = code.get("counts")
    if isinstance(counts, list) and are_numbers(counts):
        lengths = np.array([value if 0 <= value < 1 << 32 else -1 for value in counts])
    elif isinstance(counts, (str, bytes)):
        lengths = _lengths_of_text(counts)
    else:
        raise ValueError(f"run-length code needs counts as text or as numbers, got {short(counts)}")
    total, expected = lengths.sum(), size[0] * size[1]
    if total != expected or lengths.min() < 0 or (lengths % 1).any():
        raise ValueError(
            f"run lengths sum to {total}, expected {expected}, all whole numbers: the code is cut or"
            " changed"
        )
    return code


def _lengths_of_text(counts: str | bytes) -> NDArray[np.int64]:
    """Run lengths of a compressed code.

    Source: cocoapi, maskApi.c: groups of 5 bits from character 48 on, the sixth bit says that another
    follows; from the fourth run on, the difference to the run two before.
    """
    content = counts.encode("utf-8", "surrogatepass") if isinstance(counts, str) else counts
    digits = np.frombuffer(content, np.uint8).astype(np.int64) - 48
    ends = np.flatnonzero((digits & 32) == 0)
    starts = np.concatenate([[0], ends[:-1] + 1])
    num_digits = np.diff(ends, prepend=-1)
    if digits.min() < 0 or digits.max() > 63 or digits[-1] & 32 or num_digits.max() > 7:
        raise ValueError("run-length code is cut, or no compressed code of COCO's format")
    shifts = 5 * (np.arange(len(digits)) - np.repeat(starts, num_digits))
    lengths = np.add.reduceat((digits & 31) << shifts, starts)
    lengths -= np.where(digits[ends] & 16, 1 << (5 * num_digits), 0)
    lengths[1::2] = lengths[1::2].cumsum()
    lengths[2::2] = lengths[2::2].cumsum()
    return lengths
