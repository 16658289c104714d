"""Pictures of two predictions of the same object, beside what is true."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ovsam.visualization.overlays import GAP, Objects, draw_objects, panel

SIDE = 220  # px of the longer side of a picture
CONTEXT = 1.0  # of the object's longer side, kept around it on every side


@dataclass(frozen=True)
class Case:
    """One object under two methods.

    Attributes:
        image: (H, W, 3) uint8 RGB, original frame.
        mask: (H, W) bool, what is true.
        name: what is true.
        masks: (H, W) bool of the first and of the second method, or None where they were not kept.
        names: of the first and of the second method; empty for one that only segments.
        ious: of the first and of the second method, 0..1.
        title: which object it is.
    """

    image: np.ndarray
    mask: np.ndarray
    name: str
    masks: tuple[np.ndarray | None, np.ndarray | None]
    names: tuple[str, str]
    ious: tuple[float, float]
    title: str


def draw_cases(cases: Sequence[Case], num_columns: int = 2) -> np.ndarray:
    """A sheet of cases: of each the truth, the first and the second method side by side.

    Args:
        cases: at least one.
        num_columns: cases beside each other.

    Returns:
        (h, w, 3) uint8 RGB.

    Raises:
        ValueError: no case.
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
    top, bottom, left, right = _window(np.any(seen, axis=0))
    image = np.ascontiguousarray(case.image[top:bottom, left:right])

    def cut(mask: np.ndarray | None) -> np.ndarray | None:
        return None if mask is None else mask[None, top:bottom, left:right]

    parts = [draw_objects(image, Objects(masks=cut(case.mask), names=[case.name]), SIDE)]
    titles = [case.title]
    for letter, mask, name, iou in zip("AB", case.masks, case.names, case.ious, strict=True):
        is_right = [name == case.name] if name else None
        parts.append(
            draw_objects(image, Objects(masks=cut(mask), names=[name], is_right=is_right), SIDE)
        )
        titles.append(f"{letter}: IoU {100 * iou:.0f} %")
    return panel(parts, titles)


def _window(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Top, bottom, left, right (px) of a mask with context, inside the picture."""
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    if not len(rows):
        return 0, mask.shape[0], 0, mask.shape[1]
    margin = round(CONTEXT * max(rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1))
    return (
        max(int(rows[0]) - margin, 0),
        min(int(rows[-1]) + 1 + margin, mask.shape[0]),
        max(int(columns[0]) - margin, 0),
        min(int(columns[-1]) + 1 + margin, mask.shape[1]),
    )
