"""Points that stand for a mask: its centre, or any of its pixels.

A point is (x, y), the column and the row of a pixel, as SAM takes them; SAM's prompt encoder moves
it to the pixel's middle.
"""

import cv2
import numpy as np
from numpy.typing import NDArray


def centre_point(mask: NDArray[np.bool_]) -> tuple[int, int] | None:
    """The pixel (x, y) of a mask (h, w) that is farthest from the outside; None for an empty mask.

    The distance is the exact Euclidean one to the nearest pixel outside; everything beyond the border of
    the image is outside. Of equal distances, the first in row order counts.

    Source: Open-Vocabulary SAM, protocol "centre point"; the reference's distance is approximate.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return None
    top, left = rows[0], columns[0]
    inside = mask[top : rows[-1] + 1, left : columns[-1] + 1]
    # The ring of one background pixel is all of the outside that can be nearest.
    ringed = np.pad(inside.astype(np.uint8), 1)
    distance = cv2.distanceTransform(ringed, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # Squared distances are whole numbers: rounding them makes ties exact.
    squared = np.rint(np.square(distance.astype(np.float64)))
    row, column = np.unravel_index(int(squared.argmax()), squared.shape)
    return int(left + column - 1), int(top + row - 1)


def random_point(mask: NDArray[np.bool_], rng: np.random.Generator) -> tuple[int, int] | None:
    """A pixel (x, y) of a mask (h, w), all equally likely; None for an empty mask, without a draw."""
    pixels = np.flatnonzero(mask)
    if len(pixels) == 0:
        return None
    row, column = divmod(int(pixels[rng.integers(len(pixels))]), mask.shape[1])
    return column, row
