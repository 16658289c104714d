"""Pictures of two predictions of the same object, beside the truth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ovsam.visualization.overlays import GAP, Objects, draw_objects, panel

SIDE = 220  # px of the longer side of a picture
CONTEXT = 1.0  # of the object's longer side, kept around it on every side


@dataclass(frozen=True)
class Case:
    """One object, and what a first and a second method make of it."""

    image: np.ndarray  # (H, W, 3) uint8 RGB, original frame
    mask: np.ndarray  # (H, W) bool, the truth
    name: str  # the truth
    # (H, W) bool of each method, or None where they were not kept
    masks: tuple[np.ndarray | None, np.ndarray | None]
    names: tuple[str, str]  # of each method; empty for one that only segments
    ious: tuple[float, float]  # of each method, 0..1
    title: str  # which object it is


def draw_cases(cases: Sequence[Case], num_columns: int = 2) -> np.ndarray:
    """A sheet (h, w, 3) uint8 RGB of cases, `num_columns` beside each other; ValueError without cases.

    Each shows the truth, the first and the second method side by side.
    """
    if not cases:
        raise ValueError("expected at least one case to draw, got none")
    drawn = [draw_case(case) for case in cases]
    height = max(picture.shape[0] for picture in drawn) + GAP
    width = max(picture.shape[1] for picture in drawn) + 3 * GAP
    num_rows = -(-len(drawn) // num_columns)
    sheet = np.full((num_rows * height, min(num_columns, len(drawn)) * width, 3), 255, dtype=np.uint8)
    for place, picture in enumerate(drawn):
        top, left = place // num_columns * height, place % num_columns * width
        sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return sheet


def draw_case(case: Case) -> np.ndarray:
    """Truth, first and second method, cut out around the object: (h, w, 3) uint8 RGB."""
    seen = [case.mask, *(mask for mask in case.masks if mask is not None)]
    window = _window(np.any(seen, axis=0))
    image = np.ascontiguousarray(case.image[window])

    def draw(mask: np.ndarray | None, name: str, is_right: list[bool] | None = None) -> np.ndarray:
        masks = None if mask is None else mask[window][None]
        return draw_objects(image, Objects(masks=masks, names=[name], is_right=is_right), SIDE)

    parts, titles = [draw(case.mask, case.name)], [case.title]
    for letter, mask, name, iou in zip("AB", case.masks, case.names, case.ious, strict=True):
        parts.append(draw(mask, name, [name == case.name] if name else None))
        titles.append(f"{letter}: IoU {100 * iou:.0f} %")
    return panel(parts, titles)


def _window(mask: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of a mask with context, inside the picture."""
    if not mask.any():
        return slice(None), slice(None)
    places = np.nonzero(mask)
    spans = [(int(p.min()), int(p.max()) + 1) for p in places]
    margin = round(CONTEXT * max(stop - start for start, stop in spans))
    rows, columns = (slice(max(start - margin, 0), stop + margin) for start, stop in spans)
    return rows, columns
